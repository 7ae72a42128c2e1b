"""Independent estimates of one law's gradient, made together, and the gradient that they are held against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from hypergeo.distributions.fisher import FisherHypergeometric
from hypergeo.estimators import Estimator, Exact, LinearizedControlVariate, Objective

from .goodness_of_fit import support_size

__all__ = ["Reference", "gradients", "independent_gradients", "reference_gradient"]

_CHUNK = 200_000  # entries of the tables of the urns that are differentiated at once
_TOGETHER = 25  # estimates made at once, so that progress is reported often
_LONG_RUN = 256  # evaluations of each estimate of a reference that cannot be exact


@dataclass(frozen=True)
class Reference:
    """What gradients are measured against.

    Attributes:
        method: ``"exact"``: the covariance of the objective with the counts, summed over all count vectors; ``"long run"``:
            the mean of many unbiased estimates, whose own error is part of every interval.
        gradient: of the expected objective in each log weight.
        standard_errors: of its components; zeros where it is exact.
        description: how it was had, in words.
        rounding: lengths up to this are rounding: a thousand times the precision, of the objective's size times the counts'
            standard deviation.
    """

    method: str
    gradient: tuple[float, ...]
    standard_errors: tuple[float, ...]
    description: str
    rounding: float = 0.0

    @property
    def norm(self) -> float:
        """Length of the gradient, zero where that is rounding or noise."""
        length = float(torch.tensor(self.gradient, dtype=torch.float64).norm())
        noise = 4 * float(torch.tensor(self.standard_errors, dtype=torch.float64).norm())
        return length if length > max(self.rounding, noise) else 0.0


def reference_gradient(
    distribution: FisherHypergeometric,
    objective: Objective,
    *,
    num_estimates: int = 400,
    step: Callable[[float], None] = lambda share: None,
    generator: torch.Generator | None = None,
) -> Reference:
    """The exact gradient where all count vectors can be listed, otherwise the mean of a long unbiased run.

    Args:
        distribution: the law, without a batch.
        objective: maps counts ``(..., K)`` to ``(...)``.
        num_estimates: length of the long run, in estimates by the linearised control variate from 256 draws each.
        step: called with the share of the work done.
        generator: source of the random numbers; torch's global one when omitted.

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
        LinearizedControlVariate(), distribution, objective, _LONG_RUN, num_estimates, step, generator=generator
    )
    errors = estimates.std(0) / len(estimates) ** 0.5
    return Reference(
        "long run",
        tuple(estimates.mean(0).tolist()),
        tuple(errors.tolist()),
        f"Too many count vectors to list: mean of {len(estimates):,} unbiased estimates from {_LONG_RUN} draws each; "
        "its error is part of every interval.",
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
    """Independent estimates, made in parts, shape ``(num_estimates, K)``."""
    size = int(distribution.group_sizes.sum() + distribution.event_shape[0])
    part = max(1, min(_TOGETHER, _CHUNK // max(1, size * max(1, num_evaluations // 8))))
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
    """Gradients in the log weights of independent copies of the law, shape ``(copies, K)``, float64."""
    logs = distribution.log_weights.detach().repeat(copies, 1).requires_grad_()
    law = FisherHypergeometric(distribution.total_count, distribution.group_sizes, log_weights=logs, validate_args=False)
    with torch.enable_grad():
        loss = estimator.surrogate_loss(law, objective, num_evaluations, generator=generator)
        if not loss.requires_grad:
            raise ValueError(f"surrogate_loss must depend on the weights, or have a gradient of zero; {estimator!r} has none.")
        (gradient,) = torch.autograd.grad(loss.sum(), logs)
    gradient = gradient.double().cpu()
    if not bool(gradient.isfinite().all()):
        raise ValueError(f"{estimator!r} gave a gradient that is not finite: {gradient[~gradient.isfinite()][0].item()}.")
    return gradient
