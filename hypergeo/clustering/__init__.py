"""Clustering with learned cluster sizes: sizes are drawn, points assigned to fit them, and the best of several starts kept."""

from __future__ import annotations

from .fit import ClusterFit, Evaluation, Schedule, SizedClusters, fit_clusters

__all__ = ["ClusterFit", "Evaluation", "Schedule", "SizedClusters", "fit_clusters"]
