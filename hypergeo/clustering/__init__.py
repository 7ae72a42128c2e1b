"""Clustering with learned cluster sizes: samples sizes, assigns the points to clusters of these sizes, and keeps the best
restart."""

from __future__ import annotations

from .fit import ClusterFit, Evaluation, Schedule, SizedClusters, fit_clusters

__all__ = ["ClusterFit", "Evaluation", "Schedule", "SizedClusters", "fit_clusters"]
