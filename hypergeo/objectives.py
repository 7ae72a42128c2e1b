"""Named objectives for reports and the command line: functions of the counts whose expectation is optimised."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from .distributions.fisher import FisherHypergeometric

__all__ = ["OBJECTIVES", "Absolute", "CountedObjective", "Linear", "Quadratic", "Step", "objective_name", "preset_objective"]


class CountedObjective:
    """Counts the vectors at which an objective is evaluated.

    Args:
        objective: maps counts ``(..., K)`` to values ``(...)``.

    Attributes:
        evaluations: number of count vectors so far.

    Example:
        >>> import torch
        >>> counted = CountedObjective(Linear((1.0, 2.0)))
        >>> counted(torch.ones(5, 3, 2)).shape, counted.evaluations
        (torch.Size([5, 3]), 15)
    """

    def __init__(self, objective: Callable[[Tensor], Tensor]):
        self.objective = objective
        self.evaluations = 0

    def __call__(self, counts: Tensor) -> Tensor:
        """Evaluates the objective and counts the vectors.

        Args:
            counts: counts, shape ``(..., K)``.

        Returns:
            Values, shape ``(...)``.
        """
        self.evaluations += counts[..., 0].numel()
        return self.objective(counts)


@dataclass(frozen=True)
class Linear:
    """Weighted sum of the counts. Relaxations have no bias due to curvature.

    Args:
        coefficients: coefficient of each group.

    Example:
        >>> import torch
        >>> Linear((1.0, 0.0, -1.0))(torch.tensor([3.0, 5.0, 7.0]))
        tensor(-4.)
    """

    coefficients: tuple[float, ...]

    def __call__(self, counts: Tensor) -> Tensor:
        """Computes the weighted sum.

        Args:
            counts: counts, shape ``(..., K)``.

        Returns:
            Values, shape ``(...)``.
        """
        return counts @ counts.new_tensor(self.coefficients)

    def __str__(self) -> str:
        chosen = [group for group, value in enumerate(self.coefficients) if value]
        if len(chosen) == 1 and self.coefficients[chosen[0]] == 1:
            return f"the count of group {chosen[0] + 1}"
        return f"the counts times {_listed(self.coefficients)}"


@dataclass(frozen=True)
class Quadratic:
    """Squared Euclidean distance to target counts.

    Args:
        target: target count of each group.

    Example:
        >>> import torch
        >>> Quadratic((5.0, 5.0, 5.0))(torch.tensor([3.0, 5.0, 7.0]))
        tensor(8.)
    """

    target: tuple[float, ...]

    def __call__(self, counts: Tensor) -> Tensor:
        """Computes the squared distance.

        Args:
            counts: counts, shape ``(..., K)``.

        Returns:
            Values, shape ``(...)``.
        """
        return (counts - counts.new_tensor(self.target)).square().sum(-1)

    def __str__(self) -> str:
        return f"the squared distance to {_listed(self.target)}"


@dataclass(frozen=True)
class Absolute:
    """Sum of absolute differences from target counts, which has a kink at each target.

    Args:
        target: target count of each group.

    Example:
        >>> import torch
        >>> Absolute((5.0, 5.0, 5.0))(torch.tensor([3.0, 5.0, 7.0]))
        tensor(4.)
    """

    target: tuple[float, ...]

    def __call__(self, counts: Tensor) -> Tensor:
        """Computes the sum of absolute differences.

        Args:
            counts: counts, shape ``(..., K)``.

        Returns:
            Values, shape ``(...)``.
        """
        return (counts - counts.new_tensor(self.target)).abs().sum(-1)

    def __str__(self) -> str:
        return f"the absolute distance to {_listed(self.target)}"


@dataclass(frozen=True)
class Step:
    """Indicator that a group's count reaches a threshold. It is constant on both sides, so relaxations have zero gradient.

    Args:
        group: index of the group, from 0.
        threshold: smallest count for which the value is one.

    Example:
        >>> import torch
        >>> Step(0, 4)(torch.tensor([[3.0, 12.0], [4.0, 11.0]]))
        tensor([0., 1.])
    """

    group: int
    threshold: float

    def __call__(self, counts: Tensor) -> Tensor:
        """Computes the indicator.

        Args:
            counts: counts, shape ``(..., K)``.

        Returns:
            Values 0 or 1, shape ``(...)``.
        """
        return (counts[..., self.group] >= self.threshold).to(counts.dtype)

    def __str__(self) -> str:
        return f"whether group {self.group + 1} reaches {self.threshold:g}"


OBJECTIVES = ("linear", "quadratic", "absolute", "step")
"""Names of :func:`preset_objective`."""


def preset_objective(name: str, distribution: FisherHypergeometric) -> Linear | Quadratic | Absolute | Step:
    """Creates an objective that suits an urn.

    The objective is the count of the first group (linear), the distance to equal counts (quadratic, absolute), or whether the
    count of the first group reaches its mean (step).

    Args:
        name: one of ``OBJECTIVES``.
        distribution: distribution of the counts, without a batch.

    Returns:
        The objective.

    Raises:
        ValueError: if the name is unknown.

    Example:
        >>> urn = FisherHypergeometric(15, [10, 10, 10], [1.0, 2.0, 4.0])
        >>> [str(preset_objective(name, urn)) for name in ("linear", "quadratic", "step")]
        ['the count of group 1', 'the squared distance to (5, 5, 5)', 'whether group 1 reaches 4']
    """
    groups = distribution.event_shape[0]
    even = (float(distribution.total_count) / groups,) * groups
    makers: dict[str, Callable[[], Linear | Quadratic | Absolute | Step]] = {
        "linear": lambda: Linear((1.0,) + (0.0,) * (groups - 1)),
        "quadratic": lambda: Quadratic(even),
        "absolute": lambda: Absolute(even),
        "step": lambda: Step(0, float(distribution.mean.detach()[0].ceil())),
    }
    if name not in makers:
        raise ValueError(f"objective must be one of {', '.join(OBJECTIVES)}; got {name!r}.")
    return makers[name]()


def objective_name(objective: Callable[[Tensor], Tensor]) -> str:
    """Describes an objective: a phrase for named objectives, otherwise the name of the function.

    Args:
        objective: maps counts ``(..., K)`` to values ``(...)``.

    Returns:
        Name of the objective.

    Example:
        >>> objective_name(Step(1, 3)), objective_name(lambda counts: counts.sum(-1))
        ('whether group 2 reaches 3', 'the objective')
    """
    if isinstance(objective, Linear | Quadratic | Absolute | Step):
        return str(objective)
    name = str(getattr(objective, "__name__", "<"))
    return "the objective" if name.startswith("<") else name


def _listed(numbers: tuple[float, ...]) -> str:
    shown = [f"{number:.4g}" for number in numbers]
    return f"({', '.join(shown if len(shown) <= 6 else [*shown[:3], '…', *shown[-2:]])})"
