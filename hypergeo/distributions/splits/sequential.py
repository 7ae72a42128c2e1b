"""Exact conditionals of one group after another, in the order and with the noise of the merged ones."""

from __future__ import annotations

import torch
from torch import Tensor

from hypergeo.distributions.relaxation.conditionals import MergedConditionals
from hypergeo.numerics.binomials import BinomialTerms, solve_tilt
from hypergeo.numerics.log_convolution import log_convolve

__all__ = ["SequentialConditionals"]


class SequentialConditionals(MergedConditionals):
    """Splits off one group after another, in the order listed, from the rest, whose table is the exact convolution.

    The splits and the noise have the layout of :class:`MergedConditionals`, so that the same noise gives a sample of either.
    """

    def _tables(self, log_weights: Tensor) -> list[Tensor]:
        """Returns log-probabilities of every group but the last, of the rest after it, and of the rest before the next."""
        rows = self.rows
        sizes = rows.sizes[..., None].double()
        logits = (log_weights + solve_tilt(log_weights, rows.sizes.double(), rows.total.double()))[..., None]
        counts = torch.arange(self.width, dtype=torch.float64, device=logits.device)
        first = BinomialTerms(sizes[:, :-1], counts).log_pmf(logits[:, :-1])
        counts = self.rest_low[:, -1:, None] + torch.arange(self.rest_width, dtype=torch.float64, device=logits.device)
        rests = [BinomialTerms(sizes[:, -1:], counts).log_pmf(logits[:, -1:])[:, 0]]
        for k in reversed(range(1, first.shape[1])):
            shift = (self.rest_low[:, k - 1] - self.rest_low[:, k]).expand(len(first))
            rests.append(log_convolve(first[:, k], rests[-1], shift, self.rest_width))
        others = torch.stack(rests[::-1], 1)
        return [first, others] if first.shape[1] == 1 else [first, others, others[:, :-1]]
