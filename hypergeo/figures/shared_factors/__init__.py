"""Figures of factors that two views share."""
