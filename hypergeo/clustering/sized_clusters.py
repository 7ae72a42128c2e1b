"""Gaussian clusters with sampled sizes, fitted step by step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hypergeo._validate import require_whole

from .hard_labels import hard_labels
from .kmeans import kmeans_plus_plus, lloyd, squared_distances
from .schedule import Schedule
from .size_priors import SizePrior, centred, size_prior
from .transport_plan import TransportPlan, assign, assignment_loss

__all__ = ["Evaluation", "SizedClusters"]

_SMALLEST_WIDTH = 1e-3  # in standard deviations of the points
_LLOYD_STEPS = 4


@dataclass(frozen=True)
class Evaluation:
    """Holds the state of a model without sampling: expected sizes, and the assignment to clusters of these sizes.

    Attributes:
        sizes: expected sizes, shape ``(R, K)``.
        plan: fraction of each point in each cluster, shape ``(R, N, K)``.
        labels: cluster with the largest fraction, shape ``(R, N)``. If a cluster would exceed its capacity or miss its minimum
            size, these are the most probable labels within the bounds.
        loss: ``J`` at those sizes, in nats, shape ``(R,)``.
    """

    sizes: Tensor
    plan: Tensor
    labels: Tensor
    loss: Tensor


class SizedClusters:
    """Fits spherical Gaussian clusters of the same width and different sizes, step by step.

    Each step samples sizes ``n`` from the prior, assigns the points at the lowest cost so that cluster ``k`` gets ``n_k`` of
    them, and updates means, width and weights by the gradient of that cost (see :func:`.transport_plan.assign`). The gradient
    reaches the weights through the sampled sizes. ``R`` restarts run in parallel as one batch.

    Settings of :attr:`prior` (its temperature and so on), :attr:`schedule`, means, width and weights may be changed between
    steps. The result depends only on the arguments, the changes and the number of steps: all noise is determined by ``seed``,
    and the first restarts do not depend on the number of restarts.

    Args:
        points: finite coordinates of the points, shape ``(N, D)``; float32 and float64 are kept, other types become float64.
        num_clusters: number of clusters, ``K``, at most ``N``.
        prior: prior of the sizes: ``"hypergeometric"``, ``"categorical"`` (learned categorical prior) or ``"uniform"``.
        restarts: number of restarts, ``R``.
        seed: seed of starts and noise.
        start: initial means, shape ``(K, D)`` or ``(R, K, D)``; computed by k-means++ and a few of Lloyd's steps when omitted.
        equal_start: whether the initial weights are equal; otherwise the initial sizes are the numbers of points nearest to
            each mean.
        schedule: step sizes; the defaults when omitted.
        **settings: arguments of :class:`~hypergeo.clustering.size_priors.HypergeometricSizes`: ``capacities``,
            ``minimum_sizes``, ``temperature``, ``straight_through``, ``conditionals``.

    Attributes:
        prior: prior of the sizes.
        schedule: step sizes.
        steps_done: number of steps so far. It may be set to restart the schedule.
        drawn: sizes of the last step, shape ``(R, K)``.
        assigned: assignment of the last step. The column potentials are the gradient of the loss with respect to the sizes,
            zero if the sizes fit the points.

    If an argument is invalid, a ``ValueError`` names it, its value and what is allowed.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> points = torch.cat([torch.randn(60, 2), torch.randn(20, 2) + 6])
        >>> model = SizedClusters(points, 2, equal_start=True)
        >>> model.evaluate().sizes
        tensor([[40., 40.]])
        >>> model.step(200)
        >>> model.evaluate().sizes.round().sort().values
        tensor([[20., 60.]])

    References:
        T. Sutter, L. Manduchi, A. Ryser, J. Vogt, "Learning group importance using the differentiable hypergeometric
        distribution", ICLR 2023, section 5.3, where the sizes of clusters are learned.
        Y. Asano, C. Rupprecht, A. Vedaldi, "Self-labelling via simultaneous clustering and representation learning", ICLR 2020,
        section 3.1, where points are assigned by optimal transport, to clusters of one size.
    """

    def __init__(
        self,
        points: Any,
        num_clusters: int,
        *,
        prior: str = "hypergeometric",
        restarts: int = 1,
        seed: int = 0,
        start: Any = None,
        equal_start: bool = False,
        schedule: Schedule | None = None,
        **settings: Any,
    ):
        self.points = _read_points(points)
        most = len(self.points)
        num_clusters = require_whole("num_clusters", num_clusters, 1, most, f"between 1 and the number of points, {most}")
        self.restarts, self.seed = require_whole("restarts", restarts, 1), require_whole("seed", seed)
        self.schedule = Schedule() if schedule is None else schedule
        self.prior: SizePrior = size_prior(prior, len(self.points), num_clusters, **settings)
        # Points are centred, which preserves the precision of distances, and divided by their standard deviation.
        self._centre, self._unit, scaled = _standardized(self.points.double())
        self._scaled = scaled.to(self.points.dtype)
        means = self._first_means(num_clusters, start)
        _, counts, width = lloyd(self._scaled, means, 0)
        logs = torch.zeros_like(counts) if equal_start else self.prior.log_weights_for(counts.double().clamp(min=0.5))
        self._means = means.requires_grad_()
        self._log_width = width.clamp(min=_SMALLEST_WIDTH).log().requires_grad_()
        self._log_weights = logs.to(means.dtype).requires_grad_()
        self._normalise()
        self._widen(counts)
        groups = [{"params": [parameter]} for parameter in (self._means, self._log_width, self._log_weights)]
        self._adam = torch.optim.Adam(groups, lr=0.0, betas=self.schedule.betas)
        self.steps_done = 0
        self.drawn: Tensor | None = None
        self.assigned: TransportPlan | None = None
        self._potentials: Tensor | None = None

    def _first_means(self, num_clusters: int, start: Any) -> Tensor:
        if start is None:
            means = kmeans_plus_plus(self._scaled, num_clusters, self._generators(0))
            return lloyd(self._scaled, means, _LLOYD_STEPS)[0]
        initial_means = _read_array("start", start)
        shape = (self.restarts, num_clusters, self.points.shape[1])
        if initial_means.shape not in (shape, shape[1:]) or not bool(initial_means.isfinite().all()):
            raise ValueError(f"start must be finite, of shape {shape[1:]} or {shape}; got shape {tuple(initial_means.shape)}.")
        return ((initial_means - self._centre) / self._unit).to(self._scaled.dtype).expand(shape).clone()

    def _generators(self, turn: int) -> list[np.random.Generator]:
        return [np.random.default_rng((self.seed, restart, turn)) for restart in range(self.restarts)]

    @torch.no_grad()
    def _widen(self, counts: Tensor) -> None:
        """Increases the initial width if a cluster's nearest points exceed its bounds: to that of the assigned points."""
        least, most = self.prior.bounds
        beyond = ((counts < least) | (counts > most)).any(-1)
        if bool(beyond.any()):
            plan = assign(self._cost(), self.prior.mean(self._log_weights)).plan.to(self._means.dtype)
            square = (plan * squared_distances(self._scaled, self._means)).sum((-2, -1)) / self.points.numel()
            wider = torch.maximum(0.5 * square.log(), self._log_width)
            self._log_width.copy_(torch.where(beyond, wider, self._log_width))

    @property
    def means(self) -> Tensor:
        """Centres of the clusters, shape ``(R, K, D)``. May be set."""
        return (self._means.detach().double() * self._unit + self._centre).to(self.points.dtype)

    @means.setter
    def means(self, value: Any) -> None:
        self._write(self._means, "means", (_read_array("means", value) - self._centre) / self._unit)

    @property
    def width(self) -> Tensor:
        """Standard deviation of all clusters along each axis, shape ``(R,)``. May be set."""
        return self._log_width.detach().exp() * self._unit

    @width.setter
    def width(self, value: Any) -> None:
        self._write(self._log_width, "width", (_read_array("width", value) / self._unit).log())

    @property
    def log_weights(self) -> Tensor:
        """Log weights, shape ``(R, K)``, each row with mean zero, because only ratios of weights matter. May be set."""
        return self._log_weights.detach().clone()

    @log_weights.setter
    def log_weights(self, value: Any) -> None:
        self._write(self._log_weights, "log_weights", _read_array("log_weights", value))

    def _write(self, parameter: Tensor, name: str, value: Tensor) -> None:
        try:
            value = value.expand(parameter.shape)
        except RuntimeError:
            raise ValueError(f"{name} must have shape {tuple(parameter.shape)}; got {tuple(value.shape)}.") from None
        if not bool(value.isfinite().all()):
            raise ValueError(f"{name} must be finite{' and above zero' if name == 'width' else ''}.")
        with torch.no_grad():
            parameter.copy_(value)
        self._normalise()

    @torch.no_grad()
    def _normalise(self) -> None:
        """Centres the log weights, which changes nothing else, and limits log weights and width."""
        self._log_weights.copy_(centred(self._log_weights))
        self._log_width.clamp_(min=math.log(_SMALLEST_WIDTH))

    def _cost(self) -> Tensor:
        """Returns the negative log-densities of the points in each cluster, shape ``(R, N, K)``."""
        axes = self.points.shape[1]
        norm = axes * (self._log_width + math.log(self._unit) + 0.5 * math.log(2 * math.pi))
        precision = (-2 * self._log_width).exp()
        return 0.5 * precision[:, None, None] * squared_distances(self._scaled, self._means) + norm[:, None, None]

    def step(self, count: int = 1) -> None:
        """Samples sizes, assigns the points to clusters of these sizes and updates the parameters by the gradient.

        Args:
            count: number of steps.
        """
        for _ in range(count):
            if self.schedule.draws(self.steps_done):
                sizes = self.prior.draw(self._log_weights, self._generators(1 + self.steps_done))
            else:
                sizes = self.prior.mean(self._log_weights)
            loss, self.assigned = assignment_loss(self._cost(), sizes, self._potentials)
            self._potentials = self.assigned.column_potentials
            self._adam.zero_grad()
            loss.sum().backward()
            factor = self.schedule.factor(self.steps_done)
            rates = self.schedule.means, self.schedule.log_width, self.schedule.log_weights
            for group, rate in zip(self._adam.param_groups, rates, strict=True):
                group["lr"] = rate * factor
            self._adam.step()
            self._normalise()
            self.drawn = sizes.detach()
            self.steps_done += 1

    @torch.no_grad()
    def evaluate(self) -> Evaluation:
        """Computes the expected sizes and the assignment to clusters of these sizes.

        Returns:
            Sizes, plan, labels and loss of each restart.
        """
        sizes = self.prior.mean(self._log_weights)
        cost = self._cost()
        assignment = assign(cost, sizes, self._potentials)
        labels = zip(assignment.plan.argmax(-1), assignment.log_plan(cost), strict=True)
        within = torch.stack([hard_labels(*each, self.prior.bounds) for each in labels])
        return Evaluation(sizes, assignment.plan, within, assignment.loss)

    def state_dict(self) -> dict[str, Any]:
        """Copies everything that changes from step to step. Settings of the prior and the schedule are not included.

        Returns:
            State for :meth:`load_state_dict`.
        """
        return deepcopy(
            {
                "means": self._means.detach(),
                "log_width": self._log_width.detach(),
                "log_weights": self._log_weights.detach(),
                "adam": self._adam.state_dict(),
                "steps_done": self.steps_done,
                "drawn": self.drawn,
                "assigned": self.assigned,
            }
        )

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores a state of a model with the same points, number of clusters and restarts.

        Args:
            state: result of :meth:`state_dict`.
        """
        with torch.no_grad():
            for name in ("means", "log_width", "log_weights"):
                getattr(self, f"_{name}").copy_(state[name])
        self._adam.load_state_dict(deepcopy(state["adam"]))
        self.steps_done, self.drawn, self.assigned = state["steps_done"], state["drawn"], state["assigned"]
        self._potentials = None if self.assigned is None else self.assigned.column_potentials


def _read_array(name: str, value: Any) -> Tensor:
    try:
        return torch.as_tensor(value if isinstance(value, Tensor) else np.asarray(value)).detach().double()
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be a regular array of numbers; got {value!r}.") from None


def _standardized(points: Tensor) -> tuple[Tensor, float, Tensor]:
    """Returns the centre, the standard deviation, and the standardised points.

    Raises:
        ValueError: if all points are the same.
    """
    # Division by a power of two is exact, and keeps squares of the smallest and of the largest numbers within range.
    power = 2.0 ** (math.frexp(float(points.abs().max()))[1] - 1)
    points = points / power
    centre = points.mean(0)
    centred = points - centre
    unit = float(centred.square().mean().sqrt())
    if unit <= 1e-12 * float(centre.abs().max()):
        raise ValueError("points must not all be the same.")
    return centre * power, unit * power, centred / unit


def _read_points(value: Tensor | np.ndarray | Sequence[Any]) -> Tensor:
    read = _read_array("points", value)
    if read.dim() != 2 or not read.numel():
        raise ValueError(f"points must have shape (N, D), one row per point; got {tuple(read.shape)}.")
    if not bool(read.isfinite().all()):
        row = int((~read.isfinite()).any(-1).nonzero()[0])
        raise ValueError(f"points must be finite; row {row} is {read[row].tolist()}.")
    return read.float() if str(getattr(value, "dtype", "")).endswith("float32") else read
