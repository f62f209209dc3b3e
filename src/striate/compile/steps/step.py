"""One step of a program and the values that it reads and writes, before there is memory for them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod
from typing import Any, TypeAlias

from striate.engine.program import Place

__all__ = ["Emit", "Locate", "Size", "Step", "Value"]

Size: TypeAlias = tuple[int, int, int, int]
"""`N C H W`."""


@dataclass(eq=False)
class Value:
    """What a step writes, with the channels of each pixel side by side.

    Args:
        name: Its name in the graph, or of what lies between.
        shape: As PyTorch has it.
        image: The size in which it lies: `N C H W`. What was flattened still lies as it did before.
        whole: The value within whose channels it lies, if it is no memory of its own.
        channel: The first of these channels.
        door: The number of the memory outside of the program in which it lies; 0 for none.
    """

    name: str
    shape: tuple[int, ...]
    image: Size
    whole: "Value | None" = None
    channel: int = 0
    door: int = 0

    @property
    def root(self) -> "Value":
        """What has the memory in which it lies."""
        return self if self.whole is None else self.whole.root

    @property
    def offset(self) -> int:
        """Floats from the beginning of the root's memory."""
        return 0 if self.whole is None else self.whole.offset + self.channel

    @property
    def pixels(self) -> int:
        """Of an image."""
        return self.image[2] * self.image[3]

    @property
    def pixel(self) -> int:
        """Floats from one pixel to the next."""
        return self.root.image[1]

    @property
    def steps(self) -> tuple[int, int]:
        """Floats from one image to the next, and from one pixel to the next."""
        return self.pixels * self.pixel, self.pixel

    @property
    def dense(self) -> bool:
        """Whether pixels lie side by side."""
        return self.pixel == self.image[1]

    @property
    def straight(self) -> bool:
        """Whether its numbers lie in the order of its shape, PyTorch's contiguous one."""
        return self.dense and (self.pixels == 1 or self.image[1] == 1)

    @property
    def floats(self) -> int:
        """How many numbers it has."""
        return prod(self.image)


Locate: TypeAlias = Callable[[Value], Place]
"""Tells where a value begins."""

Emit: TypeAlias = Callable[[Any, Locate], None]
"""Adds an instruction to a program of the core's."""


@dataclass(frozen=True)
class Step:
    """One instruction of a program.

    Args:
        name: Of the operation in the graph that it is of.
        op: What it does.
        reads: Values.
        writes: The value that it gives, or a part of which it writes.
        emit: Adds it to a program.
        seconds: That it is expected to take; None if nothing is known.
        algorithm: Which one computes it, where there are several.
        others: That could, too.
        over: Values whose memory it may write over as it reads them.
    """

    name: str
    op: str
    reads: tuple[Value, ...]
    writes: Value
    emit: Emit
    seconds: float | None = None
    algorithm: str = ""
    others: tuple[str, ...] = ()
    over: tuple[Value, ...] = field(default=())
