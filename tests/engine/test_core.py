"""engine.core: one OpenMP runtime, torch's own threads, and a way out where the core is not built."""

import subprocess
import sys
from pathlib import Path

import pytest

import striate
from striate.engine.core import core
from striate.errors import StriateError

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

ONE_RUNTIME = """
import sys
from striate.engine import peaks
import torch
torch.mm(torch.ones(512, 512), torch.ones(512, 512))
peaks()
files = {line.split()[-1] for line in open("/proc/self/maps") if "/" in line}
print("\\n".join(sorted(f for f in files if "gomp" in f.rsplit("/", 1)[-1] or "iomp" in f or "libomp" in f)))
"""

SAME_THREADS = """
import os, torch
from striate.engine import peaks
torch.set_num_threads(2)
ones = torch.ones(1024, 1024)
ones @ ones, ones.add(1).sum()
before = set(os.listdir("/proc/self/task"))
assert len(before) > 1
found = peaks(min(2, os.cpu_count()))
print(found.threads, len(set(os.listdir("/proc/self/task")) - before), torch.get_num_threads())
"""


def python(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@linux
def test_there_is_one_openmp_runtime_and_it_is_torchs():
    """The extension loads no OpenMP runtime beside the one in torch's folder."""
    import torch

    runtimes = python(ONE_RUNTIME)
    assert len(runtimes) == 1, runtimes
    brought = list((Path(torch.__file__).parent / "lib").glob("lib*omp*"))
    assert not brought or Path(runtimes[0]).parent == brought[0].parent


@linux
def test_the_core_runs_on_the_threads_torch_has():
    """Measuring with two threads starts none beside those that torch already has, and leaves torch's number alone."""
    threads, started, left = python(SAME_THREADS)
    assert (int(started), int(left)) == (0, 2)
    assert int(threads) <= 2


def test_importing_striate_does_not_load_the_core():
    """The core is loaded when it is first used, so a tree that is not built can still be imported."""
    assert python("import sys, striate.engine; print('striate._engine' in sys.modules)") == ["False"]


@pytest.mark.refusal
def test_a_missing_core_is_explained(monkeypatch):
    """Without the extension, the message says what is missing and how it is built."""
    monkeypatch.delattr(striate, "_engine", raising=False)
    monkeypatch.setitem(sys.modules, "striate._engine", None)
    with pytest.raises(StriateError) as error:
        core()
    assert str(error.value) == (
        "engine: the compiled core, striate._engine, cannot be imported.\n"
        "  reason  import of striate._engine halted; None in sys.modules\n"
        "Build it: run `make test` in the source tree, or `pip install --no-build-isolation -e .` after "
        "`pip install -r constraints.txt`."
    )
