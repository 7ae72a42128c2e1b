"""Figures of quality reports."""
