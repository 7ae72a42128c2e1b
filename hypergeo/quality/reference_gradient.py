"""Independent gradient estimates of one distribution, computed in batches, and the reference gradient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from hypergeo.distributions.fisher import FisherHypergeometric
from hypergeo.estimators import Estimator, Exact, LinearizedControlVariate, Objective

from .goodness_of_fit import support_size

__all__ = ["Reference", "gradients", "independent_gradients", "reference_gradient"]

_TABLE_ENTRIES = 200_000  # largest total size of the tables of the urns that are differentiated together
_ESTIMATES = 25  # largest number of estimates computed together, so that progress is reported often
_LONG_RUN_EVALUATIONS = 256  # evaluations of each estimate of a reference that cannot be exact


@dataclass(frozen=True)
class Reference:
    """Holds the gradient with which estimates are compared.

    Attributes:
        method: ``"exact"``: covariance of the objective with the counts, summed over all count vectors; ``"long run"``: mean of
            many unbiased estimates, whose own error is part of every interval.
        gradient: gradient of the expected objective in each log weight.
        standard_errors: standard errors of its components; zeros if it is exact.
        description: sentence that explains how it was computed.
        rounding: norms up to this are rounding: a thousand times the machine precision, times the objective's size, times the
            standard deviation of the counts.
    """

    method: str
    gradient: tuple[float, ...]
    standard_errors: tuple[float, ...]
    description: str
    rounding: float = 0.0

    @property
    def norm(self) -> float:
        """Norm of the gradient; zero where it is rounding or noise."""
        length = float(torch.tensor(self.gradient, dtype=torch.float64).norm())
        noise = 4 * float(torch.tensor(self.standard_errors, dtype=torch.float64).norm())
        return length if length > max(self.rounding, noise) else 0.0


def reference_gradient(
    distribution: FisherHypergeometric,
    objective: Objective,
    *,
    num_estimates: int = 400,
    step: Callable[[float], None] = lambda fraction: None,
    generator: torch.Generator | None = None,
) -> Reference:
    """Computes the exact gradient if all count vectors can be enumerated, otherwise the mean of a long unbiased run.

    Args:
        distribution: the distribution, without a batch.
        objective: maps counts ``(..., K)`` to ``(...)``.
        num_estimates: number of estimates of the long run, each by the linearised control variate from 256 samples.
        step: called with the fraction of the work that is done.
        generator: source of the random numbers; torch's global generator if omitted.

    Returns:
        Gradient with its standard errors.

    Example:
        >>> urn = FisherHypergeometric(15, [10, 10, 10])
        >>> reference_gradient(urn, lambda x: x[..., 0]).gradient[0] == urn.variance[0].item()
        False
        >>> abs(reference_gradient(urn, lambda x: x[..., 0]).gradient[0] - urn.variance[0].item()) < 1e-12
        True
    """
    number = support_size(distribution)
    with torch.no_grad():
        size = float(
            objective(distribution.sample((16,), generator=generator)).abs().max()
            * distribution.variance.max().clamp(min=0).sqrt()
        )
    rounding = 1_000 * torch.finfo(distribution.log_weights.dtype).eps * size
    if number is not None:
        gradient = gradients(Exact(), distribution, objective, 1, 1)[0]
        step(1.0)
        return Reference(
            "exact",
            tuple(gradient.tolist()),
            (0.0,) * len(gradient),
            f"Covariance of the objective with the counts, summed over all {number:,} count vectors.",
            rounding,
        )
    estimates = independent_gradients(
        LinearizedControlVariate(), distribution, objective, _LONG_RUN_EVALUATIONS, num_estimates, step, generator=generator
    )
    errors = estimates.std(0) / len(estimates) ** 0.5
    return Reference(
        "long run",
        tuple(estimates.mean(0).tolist()),
        tuple(errors.tolist()),
        f"Too many count vectors to list: mean of {len(estimates):,} unbiased estimates from {_LONG_RUN_EVALUATIONS} samples "
        "each; its error is part of every interval.",
        rounding,
    )


def independent_gradients(
    estimator: Estimator,
    distribution: FisherHypergeometric,
    objective: Objective,
    num_evaluations: int,
    num_estimates: int,
    step: Callable[[float], None],
    *,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Computes independent gradient estimates in parts.

    Args:
        estimator: object with a method ``surrogate_loss``.
        distribution: the distribution, without a batch.
        objective: maps counts ``(..., K)`` to ``(...)``.
        num_evaluations: samples per estimate.
        num_estimates: number of estimates.
        step: called with the fraction of the work that is done.
        generator: source of the random numbers; torch's global generator if omitted.

    Returns:
        Estimates, shape ``(num_estimates, K)``, float64.
    """
    size = int(distribution.group_sizes.sum() + distribution.event_shape[0])
    part = max(1, min(_ESTIMATES, _TABLE_ENTRIES // max(1, size * max(1, num_evaluations // 8))))
    estimates: list[Tensor] = []
    done = 0
    while done < num_estimates:
        copies = min(part, num_estimates - done)
        estimates.append(gradients(estimator, distribution, objective, num_evaluations, copies, generator=generator))
        done += len(estimates[-1])
        step(done / num_estimates)
    return torch.cat(estimates)


def gradients(
    estimator: Estimator,
    distribution: FisherHypergeometric,
    objective: Objective,
    num_evaluations: int,
    copies: int,
    *,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Computes the gradients in the log weights of independent copies of the distribution.

    Args:
        estimator: object with a method ``surrogate_loss``.
        distribution: the distribution, without a batch.
        objective: maps counts ``(..., K)`` to ``(...)``.
        num_evaluations: samples per estimate.
        copies: number of copies.
        generator: source of the random numbers; torch's global generator if omitted.

    Returns:
        Gradients, shape ``(copies, K)``, float64.

    Raises:
        ValueError: if the surrogate loss does not depend on the weights, or if a gradient is not finite.
    """
    logs = distribution.log_weights.detach().repeat(copies, 1).requires_grad_()
    repeated = FisherHypergeometric(distribution.total_count, distribution.group_sizes, log_weights=logs, validate_args=False)
    with torch.enable_grad():
        loss = estimator.surrogate_loss(repeated, objective, num_evaluations, generator=generator)
        if not loss.requires_grad:
            raise ValueError(f"surrogate_loss must depend on the weights, or have a gradient of zero; {estimator!r} has none.")
        (gradient,) = torch.autograd.grad(loss.sum(), logs)
    gradient = gradient.double().cpu()
    if not bool(gradient.isfinite().all()):
        raise ValueError(f"{estimator!r} gave a gradient that is not finite: {gradient[~gradient.isfinite()][0].item()}.")
    return gradient
