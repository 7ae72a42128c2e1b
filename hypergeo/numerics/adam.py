"""Adam, the stochastic gradient method, for one tensor of parameters."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["Adam"]

_EPSILON = 1e-8


class Adam:
    """Moves parameters as ``torch.optim.Adam`` does, whose first use imports torch's compiler for seconds.

    Rows of the parameters never mix, so that models can be trained side by side in one tensor.

    Args:
        parameters: any shape; their shape and dtype are those of the moments.
        betas: decay rates of both moments.

    Attributes:
        mean: first moment of the gradients, the shape of the parameters.
        square: second moment of the gradients, likewise.
        steps: number of steps so far.

    Example:
        >>> parameters = torch.tensor([1.0, -2.0])
        >>> adam = Adam(parameters)
        >>> adam.step(parameters, torch.tensor([0.5, -3.0]), 0.25)
        >>> parameters
        tensor([ 0.7500, -1.7500])

    References:
        D. Kingma, J. Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1.
    """

    def __init__(self, parameters: Tensor, betas: tuple[float, float] = (0.9, 0.999)):
        self.betas = betas
        self.mean, self.square = torch.zeros_like(parameters), torch.zeros_like(parameters)
        self.steps = 0

    @torch.no_grad()
    def step(self, parameters: Tensor, gradient: Tensor, learning_rate: float) -> None:
        """Moves the parameters in place, down the gradient, and updates the moments.

        Args:
            parameters: the shape given at first.
            gradient: the same shape.
            learning_rate: step size.
        """
        self.steps += 1
        first, second = self.betas
        self.mean.lerp_(gradient, 1 - first)
        self.square.mul_(second).addcmul_(gradient, gradient, value=1 - second)
        shrink = (1 - second**self.steps) ** 0.5
        scale = self.square.sqrt().add_(_EPSILON * shrink)
        parameters.addcdiv_(self.mean, scale, value=-learning_rate * shrink / (1 - first**self.steps))
