"""Figures of random partitions: assignment matrices with their sums, group sizes, gradients of matrices."""
