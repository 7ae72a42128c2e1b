"""Terms that the pages use, as data."""

from .counts import COUNTS
from .learning import LEARNING
from .term import Term

__all__ = ["GLOSSARY", "Term"]

GLOSSARY = COUNTS | LEARNING
"""Terms by subject."""
