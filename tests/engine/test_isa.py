"""engine.isa: a choice always exists, can be forced, and a wrong one says what there is."""

import importlib
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from striate.engine import isa, isas
from striate.errors import OptionError

USABLE = [name for name, reason in isas().items() if not reason]


def test_the_last_set_runs_everywhere():
    """Best first, the baseline last; it refuses no machine."""
    assert list(isas())[-1] == "baseline"
    assert USABLE[-1] == "baseline"


def test_the_best_that_runs_is_chosen():
    """Unforced, the first set that can run is the one that does."""
    assert isa() == (os.environ.get("STRIATE_ISA") or USABLE[0])


@pytest.mark.parametrize("name", USABLE)
def test_a_forced_set_is_the_one_measured(name):
    """STRIATE_ISA=X runs X's kernels: the name that comes back was compiled into them."""
    code = "from striate.engine import isa, peaks; print(isa(), peaks(1).isa)"
    environment = os.environ | {"STRIATE_ISA": name}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
    assert (done.stdout.split(), done.stderr) == ([name, name], "")


def test_a_wrong_set_is_no_error_until_it_is_used():
    """Loading the core, and describing the machine, do not depend on STRIATE_ISA."""
    code = "from striate.engine import isas, machine; machine(); print(list(isas())[-1])"
    environment = os.environ | {"STRIATE_ISA": "avx1024"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
    assert (done.stdout.strip(), done.stderr) == ("baseline", "")


@pytest.mark.refusal
def test_an_unknown_set_is_explained():
    """The real core, told of a set that does not exist, names it and those that do."""
    code = (
        "from striate.engine import peaks\nfrom striate.errors import OptionError\n"
        "try: peaks()\nexcept OptionError as e: print(e)"
    )
    environment = os.environ | {"STRIATE_ISA": "avx1024"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
    lines = done.stdout.splitlines()
    assert lines[0] == "engine: STRIATE_ISA names an instruction set that cannot be used here."
    assert lines[1] == "  STRIATE_ISA  avx1024"
    assert [line.split()[0] for line in lines[2:-1]] == list(isas())
    assert lines[-1] == f"Set it to one of: {', '.join(USABLE)}; or unset it, and the first of them is used."


@pytest.mark.refusal
def test_a_set_that_this_machine_lacks_is_explained(monkeypatch):
    """The whole text, for a machine with AVX2 that is told to use AVX-512."""
    zen3 = SimpleNamespace(
        isas=lambda: [("avx512", "the processor has no avx512f"), ("avx2", ""), ("baseline", "")],
        forced_isa=lambda: "avx512",
        chosen_isa=lambda: None,
    )
    monkeypatch.setattr(importlib.import_module("striate.engine.isa"), "core", lambda: zen3)
    with pytest.raises(OptionError) as error:
        isa()
    assert str(error.value) == (
        "engine: STRIATE_ISA names an instruction set that cannot be used here.\n"
        "  STRIATE_ISA  avx512\n"
        "  avx512       the processor has no avx512f\n"
        "  avx2         can be used\n"
        "  baseline     can be used\n"
        "Set it to one of: avx2, baseline; or unset it, and the first of them is used."
    )
