"""Means and variances of Wallenius' law: Fisher's law at the time of the first arrival too many, averaged over that time."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from hypergeo.numerics.binomials import solve_tilt
from hypergeo.numerics.partition import MOMENT_DROP, Tree
from hypergeo.numerics.urn_rows import Rows

from .arrivals import expected_time

__all__ = ["race_mean_and_variance"]

_DROP = 40.0  # nats: less than exp(-40) of the mass lies beyond either end of the time axis
_CELLS = 1 << 20
_STEPS, _HALVINGS = 16, 9
_AGREED = 1e-8  # relative change at the last halving; its square, the error of the finer rule, is below rounding
_LEAST = 1e-15  # changes below this are let pass: tiny moments live where the time axis ends


def race_mean_and_variance(log_weights: Tensor, sizes: Tensor, total: Tensor) -> tuple[Tensor, Tensor]:
    r"""Expected counts and their variances under Wallenius' law, to about 1e-13 relative or 1e-20 absolute.

    At the time :math:`u` the numbers :math:`N_k` of arrivals are independent binomials; given that they add up to ``n``
    they follow Fisher's law with odds :math:`e^{w_k u} - 1`. The next arrival then comes at the rate
    :math:`D = \sum_k w_k (m_k - N_k)`, and with the density of its time

    .. math:: P(x_k = x) = \int_0^\infty P(N = n) \, E_\mathrm{Fisher}[D \, 1\{N_k = x\}] \, du .

    The expectation is the derivative of :math:`E_\mathrm{Fisher}[D]` in the logarithm of group k's term for ``x``, which
    automatic differentiation gives for all groups and counts at once. With ``u = e^v`` the integrand is analytic in ``v``,
    and the trapezoid rule with halved steps converges geometrically; the ends come from Chernoff's bound on ``N``. The cost
    is that of the marginals of Fisher's law at 65 to 200 times.

    Args:
        log_weights: finite, float64, shape ``(T, K)``.
        sizes: int64, zero for what cannot be drawn, shape ``(T, K)``.
        total: int64, at most the sum of the sizes, shape ``(T,)``.

    Returns:
        Means and variances, float64 without gradient, each of shape ``(T, K)``.

    Raises:
        ArithmeticError: should the quadrature fail to converge.

    Example:
        >>> log_weights = torch.tensor([[0.0, 1.0]], dtype=torch.float64)
        >>> race_mean_and_variance(log_weights, torch.tensor([[2, 2]]), torch.tensor([3]))[0]
        tensor([[1.1862, 1.8138]], dtype=torch.float64)
    """
    mean = torch.where((total == 0)[:, None], 0.0, sizes.double())
    variance = torch.zeros_like(mean)
    open_rows = ((total > 0) & (total < sizes.sum(-1))).nonzero()[:, 0]
    if len(open_rows):
        integral = _Integral(log_weights[open_rows].detach(), sizes[open_rows], total[open_rows])
        mean[open_rows], variance[open_rows] = integral.mean_and_variance()
    return mean, variance


class _Integral:
    """The integral over time for urns from which neither nothing nor everything is drawn."""

    def __init__(self, log_weights: Tensor, sizes: Tensor, total: Tensor):
        self.log_weights, self.sizes, self.total = log_weights, sizes, total
        middle = expected_time(log_weights, sizes.double(), total.double())
        self.centre = (sizes * -torch.expm1(-torch.exp(log_weights + middle[:, None]))).round()
        reach = 60 + torch.log(sizes.sum(-1).double()) + log_weights.amax(-1) - log_weights.amin(-1)
        self.start, self.end = self._where_mass_ends(middle, middle - reach), self._where_mass_ends(middle, middle + reach)

    def _where_mass_ends(self, inside: Tensor, outside: Tensor) -> Tensor:
        """Bisection for the time at which Chernoff's bound on the number of arrivals has fallen by 40 nats."""
        rows = torch.arange(len(inside), device=inside.device)
        for _ in range(40):
            time = 0.5 * (inside + outside)
            logits, _ = self._odds(rows, time)
            out = self._bound(rows, logits, solve_tilt(logits, self.sizes.double(), self.total.double())) < -_DROP
            inside, outside = torch.where(out, inside, time), torch.where(out, time, outside)
        return outside

    def _odds(self, rows: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
        """Log-odds that an element has arrived, and the rates ``w u``."""
        log_rates = (self.log_weights[rows] + time[:, None]).clamp(max=6.5)
        rates = log_rates.exp()
        return rates + torch.where(rates < 1e-8, log_rates - 0.5 * rates, torch.log(-torch.expm1(-rates)) + 0 * rates), rates

    def _bound(self, rows: Tensor, logits: Tensor, tilt: Tensor) -> Tensor:
        """Chernoff's bound on the log-probability that the arrivals add up to the number drawn."""
        return (self.sizes[rows] * (logsigmoid(-logits) - logsigmoid(-logits - tilt))).sum(-1) - self.total[rows] * tilt[:, 0]

    def mean_and_variance(self) -> tuple[Tensor, Tensor]:
        """Halves the step until nothing changes."""
        active = torch.arange(len(self.total), device=self.total.device)
        sums = self.centre.new_zeros(len(active), 3, self.centre.shape[-1])
        before = torch.full_like(sums[:, 1:], torch.inf)
        for level in range(_HALVINGS + 1):
            steps = _STEPS << level
            fresh = torch.arange(min(level, 1), steps + 1, 1 + min(level, 1), dtype=sums.dtype, device=sums.device) / steps
            rows = active.repeat_interleave(len(fresh))
            width = (self.end - self.start)[rows]
            moments = self._moments(rows, self.start[rows] + width * fresh.repeat(len(active)))
            sums[active] += moments.unflatten(0, (len(active), -1)).sum(1)
            # the chances of all times add up to one; to divide by their sum cancels what rounding they share
            mass = sums[:, 0, :1]
            offset, square = sums[:, 1] / mass, sums[:, 2] / mass
            mean, variance = self.centre + offset, square - offset**2
            now = torch.stack((mean, variance), 1)
            settled = ((now - before).abs() <= _AGREED * now.abs() + _LEAST).flatten(1).all(-1)
            settled &= (mass[:, 0] * (self.end - self.start) / steps - 1).abs() < _AGREED
            before = now
            active = active[~settled[active]]
            if not len(active):
                return mean, variance.clamp(min=0)
        raise ArithmeticError(f"The mean of Wallenius' law did not converge in {steps} steps over time.")

    def _moments(self, rows: Tensor, time: Tensor) -> Tensor:
        """At each time its density, and that times the first two moments of the counts about the centre: ``(nodes, 3, K)``."""
        result = self.centre.new_empty(len(rows), 3, self.centre.shape[-1])
        widest = int(torch.minimum(self.sizes.amax(-1), self.total).max().item()) + 1
        for part in torch.arange(len(rows), device=rows.device).split(max(1, _CELLS // (widest * self.sizes.shape[-1]))):
            result[part] = self._moments_at(rows[part], time[part])
        return result

    def _moments_at(self, rows: Tensor, time: Tensor) -> Tensor:
        logits, rates = self._odds(rows, time)
        with torch.enable_grad():
            tree = Tree(Rows.plain(logits.requires_grad_(), self.sizes[rows], self.total[rows]), MOMENT_DROP)
            leaves, marginals = tree.levels[0], tree.log_marginals()
            counts, chances = marginals.counts(), marginals.table.exp()
            missing = rates[..., None] * (self.sizes[rows][..., None] - counts)
            pace = (chances * missing).sum((-1, -2))
            (tilted,) = torch.autograd.grad(pace.sum(), leaves.table)
        with torch.no_grad():
            density = torch.exp(self._bound(rows, logits, tree.tilt) + tree.log_total())
            joint = density[:, None, None] * (chances * pace[:, None, None] + tilted).clamp(min=0)
            offset = counts - self.centre[rows][..., None]
            return torch.stack((joint.sum(-1), (joint * offset).sum(-1), (joint * offset**2).sum(-1)), 1)
