"""A part of a network that the core computes: planned for each size that is met, its weights shared by all plans."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import torch
from jaxtyping import Float32
from torch import Tensor

from striate.compile.graph import Graph
from striate.compile.plan import Plan, plan
from striate.compile.weights import Weights
from striate.engine.choice import Choice, asked

__all__ = ["Part"]

_LAST: Final = torch.channels_last
_MOST_PLANS: Final = 16  # each keeps the memory of its runs


class Part:
    """A graph of operations that the core does. Any number of threads may run it at a time.

    Args:
        graph: Of operations that `lower.refused` has nothing against.
        choice: What is asked of the choice of algorithms, whenever a plan is made.
        wanted: Algorithms for convolutions, by name.
        forget: See `Weights`.
    """

    def __init__(
        self,
        graph: Graph,
        choice: Choice,
        wanted: Mapping[str, str] | None = None,
        forget: Callable[[], None] = lambda: None,
    ) -> None:
        self.graph, self.choice, self.wanted = graph, choice, dict(wanted or {})
        self.weights = Weights(graph.constants, forget)
        self._plans: OrderedDict[tuple[object, ...], Plan] = OrderedDict()
        self._lock = threading.Lock()

    def run(self, inputs: Sequence[Float32[Tensor, "..."]]) -> tuple[Float32[Tensor, "..."], ...]:
        """Run it on inputs of any size that the graph takes; images are returned as the first ones lie."""
        laid = self.laid(inputs)
        return self.plan_for(laid).run(laid)

    @staticmethod
    def laid(inputs: Sequence[Float32[Tensor, "..."]]) -> list[Float32[Tensor, "..."]]:
        """Lay inputs so that they can be read: contiguous, or with channels last."""
        return [x if x.is_contiguous() or _lies_last(x) else x.contiguous() for x in inputs]

    def plan_for(self, inputs: Sequence[Float32[Tensor, "..."]]) -> Plan:
        """Give the plan for inputs of their sizes, on as many threads as PyTorch uses now."""
        last, threads = tuple(not x.is_contiguous() for x in inputs), torch.get_num_threads()
        key = (tuple(x.shape for x in inputs), last, threads)
        found = self._plans.get(key)
        if found is not None:
            return found
        with self._lock:
            if key not in self._plans:
                with asked(self.choice):
                    made = plan(
                        self.graph,
                        [tuple(x.shape) for x in inputs],
                        self.weights,
                        last=last,
                        threads=threads,
                        wanted=self.wanted,
                        keeps=self.choice.memory == "fast",
                    )
                while len(self._plans) >= _MOST_PLANS:
                    self._plans.popitem(last=False)
                self._plans[key] = made
            return self._plans[key]

    def replan(self, wanted: Mapping[str, str]) -> None:
        """Plan everything anew, with other algorithms for convolutions."""
        with self._lock:
            self.wanted = dict(wanted)
            self.weights = Weights(self.graph.constants, self.weights.forget)
            self._plans.clear()


def _lies_last(x: Tensor) -> bool:
    return x.ndim == 4 and x.is_contiguous(memory_format=_LAST)
