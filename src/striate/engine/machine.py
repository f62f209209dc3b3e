"""What this machine is, and the most that it does.

Example:
    >>> from striate.engine import machine
    >>> machine().logical_cores >= machine().usable_cores >= 1
    True
"""

from dataclasses import dataclass
from typing import Literal, cast

from striate.engine.core import core
from striate.engine.isa import isa
from striate.errors import OptionError, StriateError

__all__ = ["Cache", "Machine", "Peaks", "machine", "peaks"]


@dataclass(frozen=True)
class Cache:
    """One cache of the first core, as the operating system describes it.

    Args:
        level: 1 is nearest to the core.
        kind: What it holds.
        size_bytes: Its size.
        line_bytes: What moves at once; 0 if unknown.
        shared_by: How many logical cores share it; 0 if unknown.
    """

    level: int
    kind: Literal["data", "instruction", "unified"]
    size_bytes: int
    line_bytes: int
    shared_by: int


@dataclass(frozen=True)
class Machine:
    """The machine this process runs on. What the operating system does not tell is empty or None, never guessed.

    Args:
        processor: Its own name for itself.
        architecture: "x86-64", "aarch64", and so on.
        instruction_sets: Those that matter to kernels, that the processor has and the operating system has enabled.
        caches: Of the first core, nearest first.
        logical_cores: Hardware threads that are switched on.
        usable_cores: Those that this process may run on, and no more than its quota, rounded up.
        quota_cores: Processor time per time that a container allows (1.5 is one and a half cores); None: no limit.
        memory_bytes: Of the machine, or what a container allows where that is less.
    """

    processor: str
    architecture: str
    instruction_sets: tuple[str, ...]
    caches: tuple[Cache, ...]
    logical_cores: int
    usable_cores: int
    quota_cores: float | None
    memory_bytes: int | None


@dataclass(frozen=True)
class Peaks:
    """The most this machine did while it was measured: upper bounds to hold a kernel against.

    Args:
        isa: The instruction set whose kernels were measured.
        threads: How many threads "all threads" were.
        one_thread_flops_per_second: float32 operations of one thread; a multiply-add counts as two.
        flops_per_second: The same, of all threads together.
        one_thread_read_bytes_per_second: Bytes read from memory by one thread.
        read_bytes_per_second: The same, by all threads together.
        read_buffer_bytes: How much was read over and over. Where the caches hold more than this, they had a part in it.
    """

    isa: str
    threads: int
    one_thread_flops_per_second: float
    flops_per_second: float
    one_thread_read_bytes_per_second: float
    read_bytes_per_second: float
    read_buffer_bytes: int


def machine() -> Machine:
    """Describe this machine. Nothing is measured.

    Raises:
        StriateError: The compiled core is missing.
    """
    found = core().machine()
    return Machine(
        processor=found.processor,
        architecture=found.architecture,
        instruction_sets=tuple(found.instruction_sets),
        caches=tuple(_cache(c.level, c.kind, c.size_bytes, c.line_bytes, c.shared_by) for c in found.caches),
        logical_cores=found.logical_cores,
        usable_cores=found.usable_cores,
        quota_cores=found.quota_cores,
        memory_bytes=found.memory_bytes or None,
    )


def peaks(threads: int | None = None) -> Peaks:
    """Measure the peaks, on PyTorch's own threads. Takes about a second.

    Args:
        threads: How many threads "all threads" are; None: as many as `torch.get_num_threads()` says, but no more than
            the machine has logical cores.

    Returns:
        The best of many short slices, so other work on the machine disturbs it little. Repeats agree to a few percent
        on a machine that is otherwise idle.

    Raises:
        OptionError: `threads` is less than one or more than the logical cores, or STRIATE_ISA names a set that cannot
            be used.
        StriateError: There is no memory to read, or the compiled core is missing.
    """
    import torch

    logical_cores = core().machine().logical_cores
    if threads is None:
        threads = min(torch.get_num_threads(), logical_cores)
    if not 1 <= threads <= logical_cores:
        raise OptionError(
            "peaks: threads must be from 1 to the number of logical cores.",
            f"Pass 1 to {logical_cores}, or None for as many as torch uses.",
            threads=threads,
            logical_cores=logical_cores,
        )
    chosen, size_bytes = isa(), core().read_buffer_bytes()
    one_thread_work, all_work = core().measure_multiply_adds(1), core().measure_multiply_adds(threads)
    try:
        one_thread_reads, all_reads = core().measure_reads(1, size_bytes), core().measure_reads(threads, size_bytes)
    except MemoryError as error:
        raise StriateError(
            "peaks: there is no memory to measure the speed of reading with.",
            "Free some memory, or raise the limit of this process (see `ulimit -v`).",
            wanted_bytes=size_bytes,
        ) from error
    return Peaks(
        isa=chosen,
        threads=all_work.threads,
        one_thread_flops_per_second=2 * one_thread_work.per_second,
        flops_per_second=2 * all_work.per_second,
        one_thread_read_bytes_per_second=one_thread_reads.per_second,
        read_bytes_per_second=all_reads.per_second,
        read_buffer_bytes=size_bytes,
    )


def _cache(level: int, kind: str, size_bytes: int, line_bytes: int, shared_by: int) -> Cache:
    return Cache(level, cast(Literal["data", "instruction", "unified"], kind), size_bytes, line_bytes, shared_by)
