"""Images made from known factors, for telling how much two views share: drawn here, or read from a file."""

from __future__ import annotations

from .image_archive import ImageArchive
from .image_pairs import FactorImages, ImagePairs, Sharing
from .sprites import SPRITE_FACTORS, Sprites

__all__ = ["SPRITE_FACTORS", "FactorImages", "ImageArchive", "ImagePairs", "Sharing", "Sprites"]
