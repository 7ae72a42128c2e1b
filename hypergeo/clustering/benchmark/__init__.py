"""Comparison of clustering methods on labelled data, seed by seed."""
