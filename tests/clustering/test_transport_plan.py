"""Assignment plans: optimality, a dense Sinkhorn reference, linear programming in the limit, gradients, hard cases."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import linprog
from torch import Tensor

from hypergeo.clustering.transport_plan import assign, assignment_loss


def problem(seed: int, points: int, groups: int, scale: float = 3.0, batch: tuple[int, ...] = ()) -> tuple[Tensor, Tensor]:
    """Returns a random assignment problem: costs, shape ``(*batch, N, K)``, and unsuitable sizes, shape ``(*batch, K)``.

    Args:
        seed: seed of the points and sizes.
        points: number of points N.
        groups: number of clusters K, whose centres lie on a circle.
        scale: radius of the circle.
        batch: leading axes.
    """
    random = torch.Generator().manual_seed(seed)
    angle = torch.arange(groups, dtype=torch.float64) * (2 * np.pi / groups)
    centres = scale * torch.stack([angle.cos(), angle.sin()], -1)
    x = centres[torch.randint(groups, (*batch, points), generator=random)]
    x = x + torch.randn(x.shape, generator=random, dtype=torch.float64)
    sizes = -torch.rand((*batch, groups), generator=random, dtype=torch.float64).log()
    return (x[..., None, :] - centres).square().sum(-1) / 2, points * sizes / sizes.sum(-1, keepdim=True)


def dense_sinkhorn(cost: np.ndarray, sizes: np.ndarray, rounds: int) -> tuple[np.ndarray, float]:
    """Runs Sinkhorn's algorithm as in the textbook, on the kernel itself.

    Args:
        cost: costs, shape ``(N, K)``.
        sizes: sizes of the clusters, shape ``(K,)``.
        rounds: number of iterations.

    Returns:
        The plan, shape ``(N, K)``, and its loss.
    """
    kernel = np.exp(-cost) * sizes / len(cost)
    right = np.ones_like(sizes)
    for _ in range(rounds):
        left = 1 / (kernel @ right)
        right = sizes / (left @ kernel)
    left = 1 / (kernel @ right)
    plan = left[:, None] * kernel * right
    return plan, float((plan * (cost + np.log(plan * len(cost) / sizes))).sum())


def test_a_plan_after_few_steps_states_its_error() -> None:
    cost, sizes = problem(1, 60, 5, 30.0)
    few = assign(cost, sizes, max_steps=1)
    assert few.steps == 1
    torch.testing.assert_close(few.plan.sum(-1), torch.ones(60, dtype=torch.float64))
    error = float((few.plan.sum(0) / sizes - 1).abs().max())
    assert float(few.residual) == pytest.approx(error, rel=1e-6)
    assert error > 1e-6 > float(assign(cost, sizes).residual)


@pytest.mark.parametrize("scale", [0.1, 1.0, 3.0, 30.0])
@pytest.mark.parametrize("groups", [1, 2, 5])
def test_plans_satisfy_the_conditions_of_the_optimum(groups: int, scale: float) -> None:
    """The plan is feasible and stationary for the Lagrangian, which suffices, as the problem is convex."""
    cost, sizes = problem(1, 60, groups, scale)
    result = assign(cost, sizes)
    assert (result.plan >= 0).all()
    torch.testing.assert_close(result.plan.sum(-1), torch.ones(60, dtype=torch.float64), rtol=0, atol=1e-12)
    torch.testing.assert_close(result.plan.sum(0), sizes, rtol=1e-8, atol=0)
    logs = (sizes / 60).log() + result.row_potentials[:, None] + result.column_potentials - cost
    torch.testing.assert_close(result.plan, logs.exp(), rtol=1e-9, atol=1e-300)
    entropy = torch.where(result.plan > 0, result.plan * (result.plan * 60 / sizes).log(), 0.0)
    torch.testing.assert_close(result.loss, (result.plan * cost + entropy).sum(), rtol=1e-10, atol=1e-9)
    assert abs(float(result.column_potentials @ sizes)) < 1e-8 * (1 + cost.abs().max())


def test_plan_and_loss_equal_those_of_the_textbook_algorithm() -> None:
    for seed in range(5):
        cost, sizes = problem(seed, 40, 4, 1.5)
        plan, loss = dense_sinkhorn(cost.numpy(), sizes.numpy(), 5_000)
        result = assign(cost, sizes)
        torch.testing.assert_close(result.plan, torch.from_numpy(plan), rtol=1e-8, atol=1e-12)
        assert float(result.loss) == pytest.approx(loss, rel=1e-10)


def test_large_costs_approach_the_linear_program() -> None:
    """With cost ``s C`` the loss is at least ``s`` times the optimum of linear programming, and at most ``N log N`` more."""
    points, groups, scale = 24, 3, 1e4
    cost, _ = problem(3, points, groups)
    sizes = torch.tensor([14.0, 6.0, 4.0], dtype=torch.float64)
    rows = np.kron(np.eye(points), np.ones(groups))
    columns = np.kron(np.ones(points), np.eye(groups))
    right = np.concatenate([np.ones(points), sizes.numpy()])
    program = linprog(cost.numpy().ravel(), A_eq=np.concatenate([rows, columns]), b_eq=right)
    result = assign(scale * cost, sizes)
    optimum = scale * program.fun
    assert optimum <= float(result.loss) + 1e-6 * optimum
    assert float(result.loss) <= optimum + points * np.log(points)
    torch.testing.assert_close(result.plan, torch.from_numpy(program.x).view(points, groups), rtol=0, atol=1e-6)


@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_gradients_are_those_of_solving_anew(scale: float) -> None:
    """References are finite differences of the whole solution, in the costs and along sizes with a constant sum."""
    cost, sizes = problem(5, 12, 3, scale, (2,))
    logs = sizes.log()

    def loss(cost: Tensor, logs: Tensor) -> Tensor:
        return assignment_loss(cost, 12 * logs.softmax(-1))[0]

    assert torch.autograd.gradcheck(loss, (cost.requires_grad_(), logs.requires_grad_()), atol=1e-6)


def test_an_empty_cluster_is_the_limit_of_a_small_one() -> None:
    cost, _ = problem(2, 50, 3)
    empty = assign(cost, torch.tensor([30.0, 20.0, 0.0], dtype=torch.float64))
    small = assign(cost, torch.tensor([30.0, 20.0 - 1e-7, 1e-7], dtype=torch.float64))
    assert float(empty.plan[:, 2].abs().max()) == 0
    torch.testing.assert_close(empty.column_potentials, small.column_potentials, rtol=0, atol=1e-5)
    assert float(empty.loss) == pytest.approx(float(small.loss), abs=1e-5)
    slope = (small.loss - empty.loss) / 1e-7
    wanted = empty.column_potentials[2] - empty.column_potentials[1]
    assert float(slope) == pytest.approx(float(wanted), abs=1e-3)


def test_no_loss_is_below_that_of_free_sizes() -> None:
    """With the sizes of a mixture's own responsibilities, the constraint costs nothing."""
    cost, sizes = problem(4, 80, 4, 2.0)
    for _ in range(3_000):
        sizes = (sizes.log() - cost).softmax(-1).sum(0)
    free = -((sizes / 80).log() - cost).logsumexp(-1).sum()
    best = assign(cost, sizes)
    assert float(best.loss) == pytest.approx(float(free), rel=1e-12)
    torch.testing.assert_close(best.column_potentials, torch.zeros(4, dtype=torch.float64), rtol=0, atol=1e-6)
    other = assign(cost, sizes + torch.tensor([3.0, -3.0, 0.0, 0.0], dtype=torch.float64))
    assert float(other.loss) > float(best.loss) + 1e-3


@pytest.mark.parametrize("scale", [20.0, 200.0])
def test_hard_assignments_with_sizes_far_off_converge(scale: float) -> None:
    cost, sizes = problem(6, 200, 6, scale, (8,))
    result = assign(cost, sizes)
    assert float(result.residual.max()) < 1e-6
    torch.testing.assert_close(result.plan.sum(-2), sizes, rtol=1e-6, atol=0)


def test_a_batch_equals_its_rows() -> None:
    cost, sizes = problem(7, 30, 3, 3.0, (2, 3))
    together = assign(cost, sizes)
    for i, j in np.ndindex(2, 3):
        alone = assign(cost[i, j], sizes[i, j])
        torch.testing.assert_close(together.plan[i, j], alone.plan, rtol=1e-12, atol=1e-14)
        torch.testing.assert_close(together.column_potentials[i, j], alone.column_potentials, rtol=1e-12, atol=1e-12)
    assert together.loss.shape == (2, 3)
    assert together.row_potentials.shape == (2, 3, 30)


def test_a_warm_start_needs_fewer_steps_for_the_same_answer() -> None:
    cost, sizes = problem(8, 200, 5, 4.0)
    first = assign(cost, sizes)
    near = sizes + torch.tensor([1.0, -1.0, 0.0, 0.5, -0.5], dtype=torch.float64)
    cold, warm = assign(cost, near), assign(cost, near, first.column_potentials)
    assert warm.steps < cold.steps
    torch.testing.assert_close(cold.plan, warm.plan, rtol=1e-6, atol=1e-9)


def test_float32_costs_are_solved_in_double_precision() -> None:
    cost, sizes = problem(9, 300, 4, 50.0)
    exact = assign(cost, sizes)
    result = assign(cost.float(), sizes.float())
    assert result.plan.dtype == result.loss.dtype == result.column_potentials.dtype == torch.float32
    torch.testing.assert_close(result.plan.sum(0), sizes.float(), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(result.plan, exact.plan.float(), rtol=0, atol=2e-3)
    loss, _ = assignment_loss(cost.float().requires_grad_(), sizes.float())
    assert loss.dtype == torch.float32


def test_no_second_derivative_is_made_up() -> None:
    cost, sizes = problem(10, 10, 2)
    cost.requires_grad_()
    (first,) = torch.autograd.grad(assignment_loss(cost, sizes)[0], cost, create_graph=True)
    with pytest.raises(RuntimeError, match="does not require grad"):
        first.square().sum().backward()


@pytest.mark.parametrize(
    ("cost", "sizes", "words"),
    [
        (torch.zeros(4, 2), torch.tensor([3.0, 3.0]), "sum to the number of points, 4; got"),
        (torch.zeros(4, 2), torch.tensor([5.0, -1.0]), "nonnegative"),
        (torch.zeros(4, 2), torch.tensor([torch.nan, 4.0]), "nonnegative"),
        (torch.zeros(4, 2), torch.tensor([4.0]), r"sizes \(\.\.\., K\)"),
        (torch.zeros(3, 4, 2), torch.tensor([[2.0, 2.0]]), "same leading axes"),
        (torch.tensor([[0.0, torch.inf], [0.0, 0.0]]), torch.tensor([1.0, 1.0]), "finite"),
        (torch.zeros(4, 2, dtype=torch.int64), torch.tensor([2, 2]), "float32 or float64"),
    ],
)
def test_errors_name_what_is_wrong(cost: Tensor, sizes: Tensor, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        assign(cost, sizes)


def test_a_start_of_another_shape_is_named() -> None:
    with pytest.raises(ValueError, match="start must have the shape of sizes"):
        assign(torch.zeros(4, 2), torch.tensor([2.0, 2.0]), torch.zeros(3))
