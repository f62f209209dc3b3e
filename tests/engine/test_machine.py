"""engine.machine: what is asked agrees with the system, what is measured is proven work. No test asserts a time."""

import dataclasses
import importlib
import json
import os
import sys
import threading
from types import SimpleNamespace

import pytest
import torch

from striate.engine import Machine, Peaks, isa, machine, peaks
from striate.engine.core import core
from striate.errors import OptionError, StriateError

# The name striate.engine.machine is the function, not the module.
MODULE = importlib.import_module("striate.engine.machine")


@pytest.fixture(scope="module")
def measured() -> Peaks:
    return peaks(1)


def test_cores_agree_with_the_system():
    """Usable cores are some of the logical ones, and no more than affinity and quota allow."""
    found = machine()
    assert found.logical_cores == os.cpu_count()
    assert 1 <= found.usable_cores <= found.logical_cores
    if hasattr(os, "sched_getaffinity"):
        assert found.usable_cores <= len(os.sched_getaffinity(0))
    assert found.quota_cores is None or found.quota_cores > 0


def test_caches_grow_away_from_the_core():
    """A unified cache is no smaller than the one before it, and a line is a power of two."""
    unified = [cache for cache in machine().caches if cache.kind != "instruction"]
    assert unified == sorted(unified, key=lambda cache: cache.level)
    assert [c.size_bytes for c in unified] == sorted(c.size_bytes for c in unified)
    assert all(c.line_bytes & (c.line_bytes - 1) == 0 for c in unified)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_instruction_sets_are_those_the_kernel_lists():
    """On x86, whatever is listed is among the flags that Linux shows, so the operating system has enabled it."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        flags = next((line.split(":")[1].split() for line in file if line.startswith(("flags", "Features"))), [])
    spelled = {"sse4.1": "sse4_1", "sse4.2": "sse4_2", "neon": "asimd", "dotprod": "asimddp", "fp16": "asimdhp"}
    spelled |= {"avx512vnni": "avx512_vnni", "avx512bf16": "avx512_bf16", "avx512fp16": "avx512_fp16"}
    assert {spelled.get(name, name) for name in machine().instruction_sets} <= set(flags)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_is_at_most_the_machines():
    """A control group can allow less than there is, never more."""
    found = machine().memory_bytes
    assert found is not None
    assert 0 < found <= os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def test_everything_becomes_json_and_comes_back(measured):
    """Both are plain data: run folders and benchmark records carry them."""
    for found in (machine(), measured):
        plain = json.loads(json.dumps(dataclasses.asdict(found)))
        assert set(plain) == {field.name for field in dataclasses.fields(found)}


def test_unknown_memory_is_none(monkeypatch):
    """What the core does not know, 0 bytes, is said as None."""
    asked = core().machine()
    told = {name: getattr(asked, name) for name in (field.name for field in dataclasses.fields(Machine))}
    vague = SimpleNamespace(machine=lambda: SimpleNamespace(**told | {"memory_bytes": 0}))
    monkeypatch.setattr(MODULE, "core", lambda: vague)
    assert machine().memory_bytes is None


def test_peaks_are_positive_and_say_what_they_are_of(measured):
    """Rates are positive numbers; the set and the threads are those that ran."""
    assert measured.isa == isa()
    assert measured.threads == 1
    assert measured.read_buffer_bytes >= 1 << 20
    rates = [value for name, value in dataclasses.asdict(measured).items() if name.endswith("per_second")]
    assert len(rates) == 4
    assert all(0 < rate < float("inf") for rate in rates)


def test_an_operation_is_half_a_multiply_add(monkeypatch, measured):
    """FLOP/s are twice the multiply-adds per second that the core reports; bytes are bytes."""
    fake = SimpleNamespace(
        machine=core().machine,
        read_buffer_bytes=lambda: 4096,
        measure_multiply_adds=lambda threads: SimpleNamespace(per_second=10.0 * threads, threads=threads),
        measure_reads=lambda threads, size_bytes: SimpleNamespace(per_second=float(size_bytes), threads=threads),
    )
    monkeypatch.setattr(MODULE, "core", lambda: fake)
    assert peaks(1) == Peaks(measured.isa, 1, 20.0, 20.0, 4096.0, 4096.0, 4096)


def test_as_many_threads_as_torch_uses():
    """Without an argument, torch's number of threads is used, and is left as it was."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        assert peaks().threads == 1
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_other_python_threads_run_meanwhile():
    """The interpreter is free while the core measures: this thread counts on between the call and its return."""
    turns, seen = 0, []

    def measure() -> None:
        before = turns
        core().measure_multiply_adds(1)
        seen.append(turns - before)

    thread = threading.Thread(target=measure)
    thread.start()
    while not seen:
        turns += 1
    thread.join()
    assert seen[0] > 0


@pytest.mark.refusal
@pytest.mark.parametrize("threads", [0, -1, 10**6])
def test_an_impossible_number_of_threads_is_explained(threads):
    """Too few is meaningless; far too many would end the process inside the OpenMP runtime."""
    cores = machine().logical_cores
    with pytest.raises(OptionError) as error:
        peaks(threads)
    assert str(error.value) == (
        "peaks: threads must be from 1 to the number of logical cores.\n"
        f"  threads        {threads}\n"
        f"  logical_cores  {cores}\n"
        f"Pass 1 to {cores}, or None for as many as torch uses."
    )


@pytest.mark.refusal
def test_memory_that_cannot_be_had_is_explained(monkeypatch):
    """The real core, asked for 2^62 bytes, says no and does not crash."""
    real, size_bytes = core(), 1 << 62
    greedy = SimpleNamespace(
        machine=real.machine,
        read_buffer_bytes=lambda: size_bytes,
        measure_multiply_adds=real.measure_multiply_adds,
        measure_reads=real.measure_reads,
    )
    monkeypatch.setattr(MODULE, "core", lambda: greedy)
    with pytest.raises(StriateError) as error:
        peaks(1)
    assert str(error.value) == (
        "peaks: there is no memory to measure the speed of reading with.\n"
        f"  wanted_bytes  {size_bytes}\n"
        "Free some memory, or raise the limit of this process (see `ulimit -v`)."
    )
