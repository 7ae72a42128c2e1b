"""Figures of gradients and of gradient descent."""
