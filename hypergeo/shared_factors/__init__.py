"""How many factors two views share, learned from pairs alone: an autoencoder whose shared dimensions are drawn by number."""

from __future__ import annotations

from .model import PairView, Settings, SharedFactors, TrainingRecord

__all__ = ["PairView", "Settings", "SharedFactors", "TrainingRecord"]
