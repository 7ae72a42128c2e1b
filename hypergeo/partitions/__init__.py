"""Random partitions: which element belongs to which group, when groups have sizes of their own."""

from .conditional import ConditionalCategorical
from .random import RandomPartition
from .relaxed import RelaxedRandomPartition

__all__ = ["ConditionalCategorical", "RandomPartition", "RelaxedRandomPartition"]
