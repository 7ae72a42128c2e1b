"""The optimiser Adam for one tensor of parameters."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["Adam"]

_EPSILON = 1e-8


class Adam:
    """Updates parameters as ``torch.optim.Adam`` does, without importing torch's compiler (which takes seconds).

    Rows of the parameters do not interact, so models can be trained side by side in one tensor.

    Args:
        parameters: parameters of any shape; the moments have the same shape and dtype.
        betas: decay rates of the two moments.

    Attributes:
        mean: first moment of the gradients, same shape as the parameters.
        square: second moment of the gradients, same shape as the parameters.
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
        """Updates the parameters in place, down the gradient, and the moments.

        Args:
            parameters: parameters of the shape passed to the constructor.
            gradient: gradient of the same shape.
            learning_rate: step size.
        """
        self.steps += 1
        first, second = self.betas
        self.mean.lerp_(gradient, 1 - first)
        self.square.mul_(second).addcmul_(gradient, gradient, value=1 - second)
        shrink = (1 - second**self.steps) ** 0.5
        scale = self.square.sqrt().add_(_EPSILON * shrink)
        parameters.addcdiv_(self.mean, scale, value=-learning_rate * shrink / (1 - first**self.steps))
