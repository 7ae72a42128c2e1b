"""Numerical kernels of Wallenius' noncentral hypergeometric distribution."""
