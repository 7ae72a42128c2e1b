"""Data with known classes or factors: Gaussian blobs, handwritten digits, rendered sprites, archives of images; and tables."""

from __future__ import annotations

from .blobs import gaussian_blobs
from .image_archive import ImageArchive
from .image_pairs import FactorImages, ImagePairs, Sharing
from .labelled import digits
from .sprites import SPRITE_FACTORS, Sprites
from .tables.columns import table_points
from .tables.table import read_table

__all__ = [
    "SPRITE_FACTORS",
    "FactorImages",
    "ImageArchive",
    "ImagePairs",
    "Sharing",
    "Sprites",
    "digits",
    "gaussian_blobs",
    "read_table",
    "table_points",
]
