"""One relaxed sample, split by split: bars of its splits, its counts, its gradient, and its position among other samples."""
