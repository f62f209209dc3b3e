"""A network's constants, and the forms in which algorithms read them: each made once, for all sizes and threads."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

import torch
from jaxtyping import Float32, Shaped
from torch import Tensor

from striate.engine.problem import Problem
from striate.engine.program import key, prepared

__all__ = ["Weights"]


class Weights:
    """Constants by name. Any number of threads may ask at a time.

    Args:
        constants: As the model has them; they are not changed, and must not be.
        forget: Called when a form was made: what it was made of is not needed until another is wanted.
    """

    def __init__(
        self, constants: Mapping[str, Shaped[Tensor, "..."]], forget: Callable[[], None] = lambda: None
    ) -> None:
        self.constants, self.forget = constants, forget
        self._made: dict[tuple[Any, ...], Tensor] = {}
        self._lock = threading.Lock()

    def prepared(self, name: str, place: int, problem: Problem, threads: int) -> Float32[Tensor, "numbers"]:
        """Give kernels in the form that an algorithm reads.

        Args:
            name: The constant's.
            place: The algorithm's, in the core's table.
            problem: The convolution; the constant has its weight's numbers, in PyTorch's order.
            threads: That share the work, if there is any.
        """

        def make() -> Tensor:
            return prepared(self.constants[name].detach().reshape(problem.weight), place, problem, threads)

        return self.kept((name, *key(place, problem)), make)

    def plain(self, name: str) -> Float32[Tensor, "..."]:
        """Give a constant as 32-bit floats in PyTorch's order, in memory of its own: it may lie in a file."""
        return self.kept(
            (name, "plain"), lambda: self.constants[name].detach().to(torch.float32, copy=True).contiguous()
        )

    def kept(self, key: tuple[Any, ...], make: Callable[[], Tensor]) -> Tensor:
        """Give what was made of a constant, or make it.

        Example:
            >>> import torch
            >>> weights = Weights({"w": torch.ones(2)})
            >>> weights.kept(("w", "twice"), lambda: 2 * weights.constants["w"])
            tensor([2., 2.])
        """
        with self._lock:
            if key not in self._made:
                self._made[key] = make()
                self.forget()
            return self._made[key]

    @property
    def prepared_bytes(self) -> int:
        """Bytes of all forms that were made."""
        with self._lock:
            return sum(made.nbytes for made in self._made.values())
