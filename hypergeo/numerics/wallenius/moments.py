"""Moments of Wallenius' distribution: Fisher's conditional moments integrated over the arrival time of element ``n + 1``."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from hypergeo.numerics.binomials import solve_tilt
from hypergeo.numerics.native import plain
from hypergeo.numerics.partition import MOMENT_DROP, WHOLE, Tree
from hypergeo.numerics.urn_rows import Rows

from .arrivals import expected_time
from .quadrature import integrate

__all__ = ["wallenius_log_marginals", "wallenius_mean_and_variance"]

_DROP = 40.0  # nats: less than exp(-40) of the mass lies beyond either end of the time axis
_TAIL_DROP = 700.0  # nats: the same for marginals, whose tails have their mass at other times
_DEEPEST = -600.0  # log-probabilities down to this are accurate
_CLOSE = 0.01  # largest distance, in the logarithm of time, of an end from the place where the mass ends
_CELLS = 1 << 20
_STEPS, _HALVINGS = 16, 9
_AGREED = 1e-8  # relative change at the last halving; the error of the finer rule is its square, below rounding
_LEAST = 1e-15  # smaller absolute changes are accepted, because tiny moments have their mass at the ends of the time axis


@torch.inference_mode(False)
def wallenius_mean_and_variance(log_weights: Tensor, sizes: Tensor, total: Tensor) -> tuple[Tensor, Tensor]:
    r"""Computes expected counts and their variances under Wallenius' distribution, to about 1e-13 relative or 1e-20 absolute.

    At time :math:`u` the numbers :math:`N_k` of arrivals are independent binomials. Conditional on a sum of ``n`` they follow
    Fisher's distribution with odds :math:`e^{w_k u} - 1`. The next arrival then has the rate
    :math:`D = \sum_k w_k (m_k - N_k)`, and integration over its time gives

    .. math:: P(x_k = x) = \int_0^\infty P(N = n) \, E_\mathrm{Fisher}[D \, 1\{N_k = x\}] \, du .

    The expectation is the derivative of :math:`E_\mathrm{Fisher}[D]` in the logarithm of group k's term for ``x``, which
    automatic differentiation computes for all groups and counts together. With ``u = e^v`` the integrand is analytic in ``v``,
    and the trapezoid rule with halved steps converges geometrically. The ends come from Chernoff's bound on ``N``. The cost
    is that of the marginals of Fisher's distribution at 65 to 200 times. An ``ArithmeticError`` is raised if the quadrature
    does not converge.

    Args:
        log_weights: finite log weights, float64, shape ``(T, K)``.
        sizes: group sizes, int64, zero for groups that cannot be drawn, shape ``(T, K)``.
        total: numbers of elements drawn, int64, at most the sum of the sizes, shape ``(T,)``.

    Returns:
        Means and variances, float64 without gradient, each of shape ``(T, K)``.

    Example:
        >>> log_weights = torch.tensor([[0.0, 1.0]], dtype=torch.float64)
        >>> wallenius_mean_and_variance(log_weights, torch.tensor([[2, 2]]), torch.tensor([3]))[0]
        tensor([[1.1862, 1.8138]], dtype=torch.float64)
    """
    log_weights, sizes, total = plain(log_weights), plain(sizes), plain(total)
    mean = torch.where((total == 0)[:, None], 0.0, sizes.double())
    variance = torch.zeros_like(mean)
    open_rows = ((total > 0) & (total < sizes.sum(-1))).nonzero()[:, 0]
    if len(open_rows):
        integral = _Integral(log_weights[open_rows].detach(), sizes[open_rows], total[open_rows])
        mean[open_rows], variance[open_rows] = integral.mean_and_variance()
    return mean, variance


@torch.inference_mode(False)
def wallenius_log_marginals(log_weights: Tensor, sizes: Tensor, total: Tensor) -> tuple[Tensor, Tensor]:
    """Computes log-probabilities of every count of every group, to about 1e-12 down to e^-600.

    An ``ArithmeticError`` is raised if the quadrature does not converge.

    Args:
        log_weights: finite log weights, float64, shape ``(T, K)``.
        sizes: group sizes, int64, zero for groups that cannot be drawn, shape ``(T, K)``.
        total: numbers of elements drawn, int64, at most the sum of the sizes, shape ``(T,)``.

    Returns:
        Tables of shape ``(T, K, W)``, and their first counts, shape ``(T, K)``.

    Example:
        >>> log_weights = torch.tensor([[0.0, 1.0]], dtype=torch.float64)
        >>> table, low = wallenius_log_marginals(log_weights, torch.tensor([[2, 2]]), torch.tensor([3]))
        >>> table.exp(), low
        (tensor([[[0.8138, 0.1862],
                 [0.1862, 0.8138]]], dtype=torch.float64), tensor([[1, 1]]))
    """
    log_weights, sizes, total = plain(log_weights).detach(), plain(sizes), plain(total)
    low = (total[:, None] - sizes.sum(-1, keepdim=True) + sizes).clamp(min=0)
    width = int((torch.minimum(total[:, None], sizes) - low).max()) + 1
    table = torch.full((*sizes.shape, width), -torch.inf, dtype=torch.float64, device=sizes.device)
    table[..., 0] = 0.0  # the only possible count
    open_rows = ((total > 0) & (total < sizes.sum(-1))).nonzero()[:, 0]
    if len(open_rows):
        integral = _Integral(log_weights[open_rows], sizes[open_rows], total[open_rows], _TAIL_DROP)
        table[open_rows] = integral.log_marginals(width)
    return table, low


class _Integral:
    """The integral over time for urns from which some but not all elements are drawn."""

    def __init__(self, log_weights: Tensor, sizes: Tensor, total: Tensor, drop: float = _DROP):
        self.log_weights, self.sizes, self.total, self.drop = log_weights, sizes, total, drop
        middle = expected_time(log_weights, sizes.double(), total.double())
        self.centre = (sizes * -torch.expm1(-torch.exp(log_weights + middle[:, None]))).round()
        reach = 20 + drop + torch.log(sizes.sum(-1).double()) + log_weights.amax(-1) - log_weights.amin(-1)
        self.start, self.end = self._where_mass_ends(middle, middle - reach), self._where_mass_ends(middle, middle + reach)

    def _where_mass_ends(self, inside: Tensor, outside: Tensor) -> Tensor:
        """Returns a time at which Chernoff's bound on the number of arrivals has fallen far enough, by bisection."""
        rows = torch.arange(len(inside), device=inside.device)
        for _ in range(40):
            time = 0.5 * (inside + outside)
            logits, _ = self._odds(rows, time)
            tilt = solve_tilt(logits, self.sizes.double(), self.total.double())
            out = _bound(self.sizes, self.total, logits, tilt) < -self.drop
            inside, outside = torch.where(out, inside, time), torch.where(out, time, outside)
            if bool(((outside - inside).abs() < _CLOSE).all()):
                break
        return outside

    def _odds(self, rows: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the log-odds that an element has arrived, and the rates ``w u``."""
        log_rates = (self.log_weights[rows] + time[:, None]).clamp(max=6.5)
        rates = log_rates.exp()
        return rates + torch.where(rates < 1e-8, log_rates - 0.5 * rates, torch.log(-torch.expm1(-rates)) + 0 * rates), rates

    def mean_and_variance(self) -> tuple[Tensor, Tensor]:
        """Integrates the first two moments over time.

        Returns:
            Means and variances, each of shape ``(T, K)``.

        Raises:
            ArithmeticError: if the quadrature does not converge.
        """
        previous = self.centre.new_full((len(self.total), 2, self.centre.shape[-1]), torch.inf)

        def terms(rows: Tensor, time: Tensor) -> Tensor:
            return self._moments(rows.repeat_interleave(time.shape[1]), time.flatten()).unflatten(0, time.shape).sum(1)

        def settled(rows: Tensor, sums: Tensor) -> Tensor:
            newest = self._reduced(rows, sums)
            change = (newest - previous[rows]).abs()
            previous[rows] = newest
            good = (change <= _AGREED * newest.abs() + _LEAST).flatten(1).all(-1)
            return good & ((sums[:, 0, 0] - 1).abs() < _AGREED)

        rows = torch.arange(len(self.total), device=self.total.device)
        sums, _, good = integrate(terms, self.start, self.end, settled, steps=_STEPS, halvings=_HALVINGS)
        if not bool(good.all()):
            raise ArithmeticError("The mean of Wallenius' distribution did not converge over time.")
        mean, variance = self._reduced(rows, sums).unbind(1)
        return mean, variance.clamp(min=0)

    def _reduced(self, rows: Tensor, sums: Tensor) -> Tensor:
        """Returns means and variances, shape ``(rows, 2, K)``, from integrals of the density of time and of its products with
        moments."""
        # The probabilities of all times add up to one. Division by their sum cancels common rounding errors.
        offset, square = (sums[:, 1:] / sums[:, :1, :1]).unbind(1)
        return torch.stack((self.centre[rows] + offset, square - offset**2), 1)

    def log_marginals(self, width: int) -> Tensor:
        """Integrates the marginal distributions over time, in logarithms.

        Returns:
            Log-probabilities, shape ``(T, K, W)``.

        Raises:
            ArithmeticError: if the quadrature does not converge.
        """
        previous = torch.full((*self.sizes.shape, width), torch.inf, dtype=torch.float64, device=self.sizes.device)

        def terms(rows: Tensor, time: Tensor) -> Tensor:
            logs = torch.full((len(rows), *previous.shape[1:]), -torch.inf, dtype=previous.dtype, device=previous.device)
            step = max(1, _CELLS // (previous[0].numel() * previous.shape[1] * len(rows)))
            for part in time.split(step, 1):
                nodes = self._log_joint(rows.repeat_interleave(part.shape[1]), part.flatten(), width)
                logs = torch.logaddexp(logs, nodes.unflatten(0, part.shape).logsumexp(1))
            return logs

        def settled(rows: Tensor, table: Tensor) -> Tensor:
            change = torch.where(table > _DEEPEST, (table - previous[rows]).abs(), 0.0)
            previous[rows] = table
            return change.flatten(1).amax(-1) < _AGREED

        table, _, good = integrate(terms, self.start, self.end, settled, steps=_STEPS, halvings=_HALVINGS, logs=True)
        if not bool(good.all()):
            raise ArithmeticError("The marginals of Wallenius' distribution did not converge over time.")
        return table - table.logsumexp(-1, keepdim=True)

    def _log_joint(self, rows: Tensor, time: Tensor, width: int) -> Tensor:
        """Returns the logarithm of the joint density of time and each count, shape ``(nodes, K, W)``.

        The next arrival is one of the remaining elements. The density is a sum over its group of urns without this element. All
        terms are positive, so the tails keep their relative precision.
        """
        nodes, groups = len(rows), self.sizes.shape[-1]
        logits, rates = self._odds(rows, time)
        sizes, total = self.sizes[rows], self.total[rows]
        less = (sizes[:, None] - torch.eye(groups, dtype=sizes.dtype, device=sizes.device)).clamp(min=0).flatten(0, 1)
        each = torch.arange(nodes, device=rows.device).repeat_interleave(groups)
        tree = Tree(Rows.plain(logits[each], less, total[each]), None, windows=WHOLE)
        marginals = tree.log_marginals()
        joint = marginals.table + (_bound(less, total[each], logits[each], tree.tilt) + tree.log_total())[:, None, None]
        low = (total[:, None] - sizes.sum(-1, keepdim=True) + sizes).clamp(min=0)
        index = low[each][..., None] + torch.arange(width, device=low.device) - marginals.low[..., None]
        inside = (index >= 0) & (index < marginals.width)
        joint = torch.where(inside, joint.gather(-1, index.clamp(0, marginals.width - 1)), -torch.inf)
        leaving = sizes.double().log() + rates.log() - rates
        return (joint.unflatten(0, (nodes, groups)) + leaving[..., None, None]).logsumexp(1)

    def _moments(self, rows: Tensor, time: Tensor) -> Tensor:
        """Returns the density at each time, and its products with the first two moments about the centre, shape ``(nodes, 3,
        K)``."""
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
            counts, probabilities = marginals.counts(), marginals.table.exp()
            missing = rates[..., None] * (self.sizes[rows][..., None] - counts)
            pace = (probabilities * missing).sum((-1, -2))
            (tilted,) = torch.autograd.grad(pace.sum(), leaves.table)
        with torch.no_grad():
            density = torch.exp(_bound(self.sizes[rows], self.total[rows], logits, tree.tilt) + tree.log_total())
            joint = density[:, None, None] * (probabilities * pace[:, None, None] + tilted).clamp(min=0)
            offset = counts - self.centre[rows][..., None]
            return torch.stack((joint.sum(-1), (joint * offset).sum(-1), (joint * offset**2).sum(-1)), 1)


def _bound(sizes: Tensor, total: Tensor, logits: Tensor, tilt: Tensor) -> Tensor:
    """Returns Chernoff's bound on the log-probability that the arrivals add up to the number of elements drawn."""
    return (sizes * (logsigmoid(-logits) - logsigmoid(-logits - tilt))).sum(-1) - total * tilt[:, 0]
