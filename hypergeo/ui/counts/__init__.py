"""Observed counts on the page "Quality"."""
