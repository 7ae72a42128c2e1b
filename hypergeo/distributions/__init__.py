"""Exact distributions of group counts and their relaxation, as ``torch.distributions`` classes."""
