"""Clusters that no linear map separates, and settings that fit an autoencoder to them in a second."""

from __future__ import annotations

import numpy as np

__all__ = ["QUICK", "SIZES", "curved_clusters"]

SIZES = (90, 50, 25, 15)
QUICK = {"latent": 2, "hidden": (32,), "batch_size": 60, "pretraining": 40, "epochs": 30, "rate": 3e-3}


def curved_clusters(seed: int, sizes: tuple[int, ...] = SIZES, distance: float = 6.0) -> tuple[np.ndarray, np.ndarray]:
    """Returns four Gaussian clusters at the corners of a square, bent into eight dimensions, and their classes.

    Args:
        seed: seed of the points.
        sizes: number of points of each cluster.
        distance: side length of the square, in standard deviations.

    Returns:
        Points, shape ``(N, 8)``, and classes, shape ``(N,)``.
    """
    generator = np.random.default_rng(seed)
    classes = np.repeat(np.arange(4), sizes)
    corners = distance / 2 * np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]])
    plane = generator.normal(size=(len(classes), 2)) + corners[classes]
    bent = np.tanh(plane @ np.random.default_rng(1).normal(size=(2, 12)) / 3) @ np.random.default_rng(2).normal(size=(12, 8))
    return bent + 0.05 * generator.normal(size=bent.shape), classes
