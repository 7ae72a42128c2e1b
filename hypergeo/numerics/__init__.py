"""Numerical kernels of the distributions: convolutions, partition trees, moments, sampling and quadrature on tensors."""
