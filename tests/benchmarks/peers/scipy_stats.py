"""SciPy's counterparts: Fisher's distribution of two groups, and equal weights for any number of groups."""

from __future__ import annotations

import numpy as np
from scipy import stats
from torch import Tensor

from tests.benchmarks.cases import Urn
from tests.benchmarks.workloads import Call

__all__ = ["scipy_calls"]


def scipy_calls(urn: Urn, log_weights: Tensor, counts: Tensor) -> dict[str, Call]:
    """Returns SciPy's calls for sampling, log_prob and moments; empty if it lacks the distribution.

    Args:
        urn: the urn.
        log_weights: shape ``(K,)``, or ``(S, K)`` for separate weights of each sample.
        counts: arguments of log_prob, shape ``(S, K)``.
    """
    draws, whole = len(counts), counts.long().numpy()
    sizes = np.array(urn.sizes)
    if urn.groups == 2:
        odds = np.exp((log_weights[..., 0] - log_weights[..., 1]).numpy())
        arguments = (sizes.sum(), sizes[0], urn.drawn, odds)
        return {
            "sampling": lambda: stats.nchypergeom_fisher.rvs(*arguments, size=draws),
            "log_prob": lambda: stats.nchypergeom_fisher.logpmf(whole[:, 0], *arguments),
            "moments": lambda: stats.nchypergeom_fisher.stats(*arguments, moments="mv"),
        }
    if len(set(urn.weights)) == 1:
        return {
            "sampling": lambda: stats.multivariate_hypergeom.rvs(sizes, urn.drawn, size=draws),
            "log_prob": lambda: stats.multivariate_hypergeom.logpmf(whole, sizes, urn.drawn),
            "moments": lambda: (
                stats.multivariate_hypergeom.mean(sizes, urn.drawn),
                stats.multivariate_hypergeom.cov(sizes, urn.drawn),
            ),
        }
    return {}
