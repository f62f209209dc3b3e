"""What a program is made of, in words: its parts, the algorithm, the time and the memory of every step."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Shaped
from torch import Tensor

from striate.compile import interpret
from striate.compile.left import Left
from striate.compile.plan import Plan
from striate.compile.program import Program, sizes_of

__all__ = ["Explanation", "Line", "explain"]


@dataclass(frozen=True)
class Line:
    """One step.

    Args:
        name: Of the operation.
        op: What is done.
        algorithm: Which one does it, or why it is left to PyTorch.
        size: Of what it gives.
        expected: Seconds; None if nothing is known.
        measured: Seconds, the median of some runs; None for what is PyTorch's.
    """

    name: str
    op: str
    algorithm: str
    size: tuple[int, ...]
    expected: float | None
    measured: float | None


@dataclass(frozen=True)
class Explanation:
    """What a program does for inputs of one size.

    Args:
        lines: In the order in which they run.
        threads: That share the work.
        arena_bytes: Memory of one run: for what lies between the layers, and what algorithms keep meanwhile.
        weight_bytes: Of the weights, in the forms that are read.
        left: Operations that are PyTorch's, and why.
    """

    lines: tuple[Line, ...]
    threads: int
    arena_bytes: int
    weight_bytes: int
    left: dict[str, str]

    def __str__(self) -> str:
        """Write a table, with what it adds up to."""
        wide = max((len(line.name) for line in self.lines), default=0)
        rows = [
            f"{line.name:<{wide}}  {line.op:<18} {line.algorithm:<17} {'x'.join(map(str, line.size)):<18}"
            f"{_milliseconds(line.expected)}{_milliseconds(line.measured)}"
            for line in self.lines
        ]
        head = f"{'':<{wide}}  {'':<18} {'':<17} {'':<18}{'expected':>11}{'measured':>11}"
        total = sum(line.measured or 0.0 for line in self.lines)
        left = [f"left to PyTorch: {name}: {reason}" for name, reason in self.left.items()]
        threads = f"{self.threads} thread{'s' * (self.threads > 1)}"
        memory = f"{self.arena_bytes / 2**20:.1f} MiB a run, {self.weight_bytes / 2**20:.1f} MiB of weights"
        return "\n".join([head, *rows, *left, f"{total * 1e3:.3f} ms on {threads}; {memory}"])


def explain(program: Program, inputs: Sequence[Shaped[Tensor, "..."]], *, runs: int = 5) -> Explanation:
    """Run a program some times, and say what it does.

    Args:
        program: Any.
        inputs: That it is to be explained for.
        runs: How many.
    """
    values: dict[str, Tensor] = dict(zip(program.graph.inputs, inputs, strict=True))
    lines: list[Line] = []
    arena, weights = 0, 0
    sizes = interpret.shapes(program.graph, *(x.shape for x in inputs))
    with torch.no_grad():
        for piece in program.pieces:
            graph, part = piece
            found = piece.run(values, sizes_of(inputs))
            if isinstance(part, Left):
                lines += [
                    Line(node.name, node.op, "PyTorch", sizes.get(node.name, ()), None, None) for node in graph.nodes
                ]
            else:
                given = part.laid([values[name] for name in graph.inputs])
                plan = part.plan_for(given)
                lines += _lines(plan, given, runs)
                arena, weights = arena + plan.bytes, weights + part.weights.prepared_bytes
            values.update(found)
    return Explanation(tuple(lines), torch.get_num_threads(), arena, weights, dict(program.left))


def _lines(plan: Plan, inputs: Sequence[Tensor], runs: int) -> list[Line]:
    steps = plan.lowered.steps
    taken = [torch.zeros(len(steps), dtype=torch.float64) for _ in range(runs)]
    for seconds in taken:
        plan.run(inputs, seconds)
    measured = [statistics.median(float(seconds[i]) for seconds in taken) for i in range(len(steps))]
    return [
        Line(step.name, step.op, step.algorithm, step.writes.image, step.seconds, time)
        for step, time in zip(steps, measured, strict=True)
    ]


def _milliseconds(seconds: float | None) -> str:
    return f"{'':>11}" if seconds is None else f"{seconds * 1e3:8.3f} ms"
