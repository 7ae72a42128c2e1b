"""Scores of shared factors against the truth, and signs of collapse that need no labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from hypergeo.datasets.image_pairs import ImagePairs

from .model import PairView

__all__ = ["Collapse", "Score", "collapse", "correlation", "masked_r2", "match_factors", "rank_correlations", "score"]

_UNUSED_BELOW = 0.1  # nats of information of a dimension
_NEARLY_ALL = 0.9  # fraction of pairs
_POOLED_PAIRS = 16
_RIDGE = 1e-3


@dataclass(frozen=True)
class Collapse:
    """Flags the ways in which a model no longer distinguishes shared and independent dimensions.

    Attributes:
        all_shared: whether the model answers "all" for nearly all pairs.
        none_shared: whether the model answers "none" for nearly all pairs.
        unused: indices of the dimensions that carry almost no information. Their distances are small, so they count as shared.
    """

    all_shared: bool
    none_shared: bool
    unused: tuple[int, ...]

    def __bool__(self) -> bool:
        return self.all_shared or self.none_shared or bool(self.unused)

    def __str__(self) -> str:
        """Returns the flags as text.

        Example:
            >>> print(Collapse(False, True, (1, 4)))
            none shared; unused: dimensions 2, 5
        """
        parts = ["all shared"] * self.all_shared + ["none shared"] * self.none_shared
        if self.unused:
            which = ", ".join(str(dimension + 1) for dimension in self.unused)
            parts.append(f"unused: dimension{'s' * (len(self.unused) > 1)} {which}")
        return "; ".join(parts) or "no collapse"


def collapse(seen: PairView) -> list[Collapse]:
    """Detects the collapse of each model.

    Ignore the flags ``all_shared`` and ``none_shared`` if the pairs really share all (or no) factors.

    Args:
        seen: views of a few hundred pairs.

    Returns:
        One entry for each of the ``R`` models.
    """
    whole = seen.estimate.round()
    most = seen.distances.shape[-1]
    everything = (whole == most).double().mean(-1) > _NEARLY_ALL
    nothing = (whole == 0).double().mean(-1) > _NEARLY_ALL
    unused = seen.information < _UNUSED_BELOW
    return [
        Collapse(bool(every), bool(none), tuple(row.nonzero()[:, 0].tolist()))
        for every, none, row in zip(everything, nothing, unused, strict=True)
    ]


@dataclass(frozen=True)
class Score:
    """Holds the errors of one model's numbers and masks. Measures that do not apply are NaN.

    Attributes:
        squared_error: squared error of the number of shared dimensions as an estimate of the number of shared factors, mean
            over pairs.
        bias: mean of the estimate minus the true number.
        correlation: correlation of the estimate and the true number over pairs; NaN if all pairs share the same number.
        pooled_squared_error: squared error of the mean estimate of 16 pairs that share the same number.
        pooled_correlation: correlation of the mean estimate of 16 pairs that share the same number.
        mask_accuracy: fraction of factors whose dimension is correctly classified as shared or not.
        shared_r2: R² of shared factors predicted from the shared part of the latents, mean over factors.
        independent_r2: R² of independent factors predicted from the independent part, mean over factors.
        collapse: signs of collapse.
    """

    squared_error: float
    bias: float
    correlation: float
    pooled_squared_error: float
    pooled_correlation: float
    mask_accuracy: float
    shared_r2: float
    independent_r2: float
    collapse: Collapse


def score(seen: PairView, pairs: list[ImagePairs], estimate: Tensor | None = None, shared: Tensor | None = None) -> list[Score]:
    """Scores models on pairs whose factors are known.

    Args:
        seen: views of the pairs by ``R`` models.
        pairs: ``N`` pairs for each model.
        estimate: estimates to score instead of the models' own, shape ``(R, N)``.
        shared: masks to score instead of the models' own, shape ``(R, N, d)``.

    Returns:
        One score for each model.
    """
    estimate = seen.estimate if estimate is None else estimate
    shared = seen.shared if shared is None else shared
    failures = collapse(seen)
    return [
        _score(estimate[model].double(), shared[model], seen.mean[model].double(), each, failures[model])
        for model, each in enumerate(pairs)
    ]


def _score(estimate: Tensor, shared: Tensor, mean: Tensor, pairs: ImagePairs, failure: Collapse) -> Score:
    truth = pairs.num_shared.double()
    latents, factors = mean[:, 0], pairs.factors[:, 0].double()
    match = match_factors(latents, factors)
    predicted = shared[:, match.clamp(min=0)] & (match >= 0)
    pooled, pooled_truth = _pooled(estimate, truth)
    return Score(
        squared_error=(estimate - truth).square().mean().item(),
        bias=(estimate - truth).mean().item(),
        correlation=correlation(estimate, truth),
        pooled_squared_error=(pooled - pooled_truth).square().mean().item(),
        pooled_correlation=correlation(pooled, pooled_truth),
        mask_accuracy=(predicted == pairs.shared).double().mean().item(),
        shared_r2=masked_r2(latents, shared, factors, pairs.shared),
        independent_r2=masked_r2(latents, ~shared, factors, ~pairs.shared),
        collapse=failure,
    )


def _pooled(estimate: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the mean estimates of groups of pairs with the same true number, and those numbers."""
    means, numbers = [], []
    for number in truth.unique():
        for group in estimate[truth == number].split(_POOLED_PAIRS):
            if len(group) == _POOLED_PAIRS:
                means.append(group.mean())
                numbers.append(number)
    empty = torch.zeros(0, dtype=torch.float64)
    return (torch.stack(means), torch.stack(numbers)) if means else (empty, empty)


def correlation(first: Tensor, second: Tensor) -> float:
    """Computes Pearson's correlation.

    Args:
        first: values of the first variable, shape ``(N,)``.
        second: values of the second variable, shape ``(N,)``.

    Returns:
        Correlation from -1 to 1; NaN if one of the arguments is constant.

    Example:
        >>> round(correlation(torch.tensor([1.0, 2.0, 4.0]), torch.tensor([1.0, 2.0, 3.0])), 4)
        0.982
    """
    from scipy import stats

    if len(first) < 2 or float(first.double().std() * second.double().std()) <= 1e-12:
        return float("nan")
    return float(stats.pearsonr(first.double().numpy(), second.double().numpy()).statistic)


def rank_correlations(latents: Tensor, factors: Tensor) -> np.ndarray:
    """Computes the absolute values of Spearman's rank correlation of each factor with each latent dimension.

    Args:
        latents: latent coordinates, shape ``(N, d)``.
        factors: factor values, shape ``(N, F)``.

    Returns:
        Correlations from 0 to 1, shape ``(F, d)``; 0 if one of the two is constant.

    Example:
        >>> rank_correlations(torch.tensor([[1.0, 5.0], [2.0, 5.0], [4.0, 5.0]]), torch.tensor([[3.0], [2.0], [1.0]]))
        array([[1., 0.]])
    """
    from scipy import stats

    dimensions = latents.shape[1]
    ranks = stats.rankdata(np.concatenate([latents.numpy(), factors.numpy()], 1), axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        both = np.atleast_2d(np.corrcoef(ranks, rowvar=False))
    return np.nan_to_num(np.abs(both[dimensions:, :dimensions]))


def match_factors(latents: Tensor, factors: Tensor) -> Tensor:
    """Assigns a latent dimension to each factor, without repetition, so that the sum of the rank correlations is largest.

    Args:
        latents: latent coordinates, shape ``(N, d)``.
        factors: factor values, shape ``(N, F)``.

    Returns:
        Indices of dimensions, shape ``(F,)``; -1 for factors without a dimension if there are fewer dimensions than factors.

    Example:
        >>> factors = torch.rand(50, 2)
        >>> match_factors(torch.stack([factors[:, 1] ** 3, -factors[:, 0]], 1), factors)
        tensor([1, 0])
    """
    rows, columns = linear_sum_assignment(rank_correlations(latents, factors), maximize=True)
    match = torch.full((factors.shape[1],), -1)
    match[torch.from_numpy(rows)] = torch.from_numpy(columns)
    return match


def masked_r2(latents: Tensor, kept: Tensor, factors: Tensor, wanted: Tensor) -> float:
    """Computes the fraction of the factors' variance that a part of the latents predicts on test pairs.

    Latents outside the part are set to zero. The prediction is a ridge regression on the part's latents, their squares and
    products, and the mask of the part. It is fitted on one half of the pairs and evaluated on the other.

    Args:
        latents: latent coordinates, shape ``(N, d)``.
        kept: mask of the latents that belong to the part, shape ``(N, d)``.
        factors: factor values, shape ``(N, F)``.
        wanted: mask of the factors to predict, shape ``(N, F)``.

    Returns:
        Mean of R² over factors, each at least 0; NaN if no factor is to be predicted for at least 100 pairs.
    """
    from sklearn.linear_model import Ridge
    from sklearn.metrics import r2_score
    from sklearn.preprocessing import PolynomialFeatures

    mask = kept.double()
    scaled = (latents.double() - latents.double().mean(0)) / latents.double().std(0).clamp(min=1e-6) * mask
    features = np.concatenate([PolynomialFeatures(2).fit_transform(scaled.numpy()), mask.numpy()], 1)
    scores = []
    for target, rows in zip(factors.double().numpy().T, (column.nonzero()[:, 0].numpy() for column in wanted.T), strict=True):
        if len(rows) < 100:
            continue
        fit, test = rows[::2], rows[1::2]
        ridge = Ridge(alpha=_RIDGE * len(fit), fit_intercept=False).fit(features[fit], target[fit] - target[fit].mean())
        scores.append(max(float(r2_score(target[test], ridge.predict(features[test]) + target[fit].mean())), 0.0))
    return sum(scores) / len(scores) if scores else float("nan")
