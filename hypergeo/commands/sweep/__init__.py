"""Parallel and resumable sweeps of quality reports over a grid of urns."""
