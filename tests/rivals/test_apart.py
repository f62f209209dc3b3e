"""rivals.apart: a first run elsewhere."""

from pathlib import Path

import numpy as np
import pytest

from striate.rivals import apart, files
from striate.rivals.files import Runtime

IMAGES = np.ones((2, 3, 4, 4), np.float32)

# What would be `striate.rivals.files`, where it may do what it likes.
STAND_IN = """
import os, signal, sys
import striate.rivals.apart as apart
from striate.rivals.files import FILES

def opened(folder, images, threads):
    assert (str(folder), images.shape, threads) == (sys.argv[2], (2, 3, 4, 4), 2)
    return {run}

FILES["it"] = FILES["MNN"]._replace(open=opened)
apart.main(*sys.argv[1:])
"""


@pytest.fixture
def running(monkeypatch, tmp_path):
    """Runs a stand-in in the other process, whose open function does something."""

    def start(run):
        path = tmp_path / "stand_in.py"
        path.write_text(STAND_IN.format(run=run))
        real = apart.subprocess.run

        def instead(command, **settings):
            return real([command[0], str(path), *command[3:]], **settings)

        monkeypatch.setattr(apart.subprocess, "run", instead)
        return apart.tried("it", tmp_path, IMAGES, 2)

    return start


@pytest.mark.parametrize(
    ("run", "said"),
    [
        ("lambda: 0", ""),
        ("lambda: os.kill(os.getpid(), signal.SIGSEGV)", "it crashes at this network (SIGSEGV)"),
        ("lambda: {}['a layer']", "it fails: KeyError: 'a layer'"),
    ],
)
def test_what_happens_there_is_told(running, run, said):
    """A crash there is none here."""
    assert running(run) == said


def test_a_run_is_the_runtimes(monkeypatch, tmp_path):
    """Of the images that are in the file."""
    seen = []
    runtime = Runtime(
        {}, lambda *_: None, lambda folder, images, threads: lambda: seen.append((folder, images, threads))
    )
    monkeypatch.setitem(files.FILES, "it", runtime)
    np.save(tmp_path / "images.npy", IMAGES)
    apart.main("it", "somewhere", str(tmp_path), "2")
    ((folder, images, threads),) = seen
    assert (folder, threads) == (Path("somewhere"), 2)
    np.testing.assert_array_equal(images, IMAGES)


@pytest.mark.refusal
def test_what_never_ends_is_given_up(monkeypatch, tmp_path):
    """After a time."""

    def instead(command, **settings):
        raise apart.subprocess.TimeoutExpired(command, settings["timeout"])

    monkeypatch.setattr(apart.subprocess, "run", instead)
    assert apart.tried("ncnn", tmp_path, IMAGES, 1) == "it runs for more than 300 seconds"
