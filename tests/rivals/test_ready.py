"""rivals.ready: those that are installed, and why the others are not."""

import numpy as np
import pytest
import torch
from torch import nn

from striate.rivals import ready as at
from striate.rivals.files import Runtime
from striate.rivals.ready import ready

MODEL, IMAGES = nn.Conv2d(3, 4, 1).eval(), torch.ones(1, 3, 4, 4)


@pytest.fixture
def only(monkeypatch):
    """Leaves one runtime, and PyTorch's first way."""

    def leave(**changes):
        runtime = Runtime({"json": "json"}, lambda *_: None, lambda *_: lambda: np.zeros(1))._replace(**changes)
        monkeypatch.setattr(at, "RIVALS", ("PyTorch", "it"))
        monkeypatch.setattr(at, "FILES", {"it": runtime})
        return ready(MODEL, IMAGES, 1)

    with torch.no_grad():
        yield leave


def test_what_is_installed_is_ready(only):
    """Written, then opened with the threads that were asked for."""
    seen = []

    def opened(*given):
        seen.append(given[1:])
        return lambda: np.zeros(1)

    runs, left_out = only(write=lambda *given: seen.append(given[:2]), open=opened)
    assert (list(runs), left_out) == (["PyTorch", "it"], {})
    assert seen[0] == (MODEL, IMAGES)
    assert seen[1][1] == 1


@pytest.mark.refusal
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"packages": {"json": "json", "no_such": "pip-says"}}, "it is not installed: pip install pip-says"),
        ({"write": lambda *_: {}["a\nlayer"]}, "KeyError: 'a\\nlayer'"),
        ({"open": lambda *_: int("x")}, "ValueError: invalid literal for int() with base 10: 'x'"),
    ],
)
def test_what_cannot_run_is_left_out(only, changes, reason):
    """In one line; the others are ready all the same."""
    runs, left_out = only(**changes)
    assert list(runs) == ["PyTorch"]
    assert left_out == {"it": reason}


@pytest.mark.refusal
def test_what_crashes_elsewhere_is_not_opened_here(only, monkeypatch):
    """It is left out in words."""
    monkeypatch.setattr(at, "tried", lambda *_: "it crashes at this network (SIGSEGV)")
    runs, left_out = only(crashes=True, open=lambda *_: pytest.fail("it was opened"))
    assert (list(runs), left_out) == (["PyTorch"], {"it": "it crashes at this network (SIGSEGV)"})


def test_what_others_say_is_one_line():
    """Of at most 160 characters."""
    assert at.described(ValueError("two\n  lines")) == "ValueError: two lines"
    assert len(at.described(ValueError("long" * 100))) == 160
