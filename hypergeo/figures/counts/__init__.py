"""Figures of counts: exact distributions beside samples."""
