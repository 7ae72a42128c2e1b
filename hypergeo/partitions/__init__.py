"""Random partitions of elements into groups with fixed or random sizes."""

from .conditional import ConditionalCategorical
from .random import RandomPartition
from .relaxed import RelaxedRandomPartition

__all__ = ["ConditionalCategorical", "RandomPartition", "RelaxedRandomPartition"]
