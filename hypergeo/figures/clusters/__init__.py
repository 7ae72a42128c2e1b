"""Figures of clusters with learned sizes."""
