"""A graph planned for inputs of one size: a program of the core's, and the memory that its runs take."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float32, Float64
from torch import Tensor

from striate.compile.graph import Graph
from striate.compile.lower import Lowered, lower
from striate.compile.memory import Arena, arena
from striate.compile.steps.step import Value
from striate.compile.weights import Weights
from striate.engine import program as core

__all__ = ["Plan", "plan"]

_LAST = torch.channels_last


@dataclass(frozen=True)
class Plan:
    """A graph for inputs of one size, on so many threads.

    Args:
        lowered: Its steps.
        arena: Where values lie.
        program: The core's.
        threads: That share the work.
        scratch_bytes: What algorithms keep meanwhile.
        keeps: Whether the memory of a run is kept for the next.
    """

    lowered: Lowered
    arena: Arena
    program: Any
    threads: int
    scratch_bytes: int
    keeps: bool = True
    _free: list[tuple[Tensor, int, int]] = field(default_factory=list)

    def run(
        self, inputs: Sequence[Float32[Tensor, "..."]], seconds: Float64[Tensor, "steps"] | None = None
    ) -> tuple[Float32[Tensor, "..."], ...]:
        """Run it, in memory of its own: any number of threads may at a time.

        Args:
            inputs: Of the sizes that it is for, laid out as it is for.
            seconds: Where to write what each step took, in 64 bits.
        """
        outputs = tuple(
            torch.empty(size, memory_format=_LAST) if last else torch.empty(size) for size, last in self.lowered.outputs
        )
        try:  # not asked before: another thread may take the last one in between
            memory = self._free.pop()
        except IndexError:
            memory = core.arena(self.arena.floats, self.scratch_bytes)
        _, numbers, scratch = memory
        memories = [numbers, *(x.data_ptr() for x in inputs), *(y.data_ptr() for y in outputs)]
        self.program.run(memories, scratch, self.threads, 0 if seconds is None else seconds.data_ptr())
        if self.keeps:
            self._free.append(memory)
        return outputs

    @property
    def bytes(self) -> int:
        """Memory of one run, besides the weights, the inputs and the outputs."""
        return 4 * self.arena.floats + self.scratch_bytes


def plan(
    graph: Graph,
    sizes: Sequence[Sequence[int]],
    weights: Weights,
    *,
    last: Sequence[bool],
    threads: int,
    wanted: Mapping[str, str] | None = None,
    keeps: bool = True,
) -> Plan:
    """Plan a graph; see `lower`, and `Plan`.

    Example:
        >>> from striate.compile.graph import Given, Node
        >>> relu = Node("y", "activation", ("x",), {"activation": ("relu",)})
        >>> graph = Graph({"x": Given((1, 3))}, (relu,), ("y",), {})
        >>> plan(graph, [(1, 3)], Weights({}), last=[False], threads=1).run([torch.tensor([[-1.0, 0.0, 1.0]])])
        (tensor([[0., 0., 1.]]),)
    """
    lowered = lower(graph, sizes, weights, last=last, threads=threads, wanted=wanted)
    found = arena(lowered.steps)
    made = core.new()

    def locate(value: Value) -> core.Place:
        root = value.root
        return (root.door, value.offset) if root.door else (0, found.places[root] + value.offset)

    for step in lowered.steps:
        step.emit(made, locate)
    return Plan(lowered, found, made, threads, made.scratch_bytes(threads), keeps)
