"""Learns from unlabelled pairs how many factors two images share, with an autoencoder that samples the number."""

from __future__ import annotations

from .model import PairView, SharedFactors, SharedFactorsSettings, TrainingRecord

__all__ = ["PairView", "SharedFactors", "SharedFactorsSettings", "TrainingRecord"]
