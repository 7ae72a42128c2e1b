"""One relaxed sample, split by split: bars of its splits, its counts, its gradient, and where it lies among others."""
