"""Sweep of quality reports over a grid of urns, resumable and in parallel."""
