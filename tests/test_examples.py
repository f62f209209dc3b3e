"""Every example runs, as its first lines say it does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ARGUMENTS = {
    "01_digits.py": ["--seeds", "1", "--epochs", "1", "--out", "."],
    "02_predict.py": ["--epochs", "1", "--out", "."],
    "03_tiled_invariance.py": [],
    "04_degradation.py": ["--epochs", "1", "--size", "8", "--out", "."],
    "05_transfer.py": ["--epochs", "1", "--out", "."],
    "06_explain.py": ["--steps", "2", "--out", "."],
}
SHOWN = {
    "01_digits.py": "report.html",
    "02_predict.py": "on-its-head",
    "03_tiled_invariance.py": "after 200 steps",
    "04_degradation.py": "degradation.html",
    "05_transfer.py": "the head learns",
    "06_explain.py": "explain.html",
}


def run(name, folder):
    """Run an example in a folder of its own, and return what it printed."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / name), *ARGUMENTS[name]],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("example", sorted((ROOT / "examples").glob("*.py")), ids=lambda p: p.name)
def test_example_runs(example, tmp_path):
    """It ends well, and prints something."""
    assert SHOWN[example.name] in run(example.name, tmp_path)


def test_tiles_learn_the_larger_invariance(tmp_path):
    """Trained, both move less than untrained; and tiles of kernels by over a tenth less than one shared kernel."""
    rows = [line.split()[-4:] for line in run("03_tiled_invariance.py", tmp_path).splitlines()[1:]]
    one_new, tile_new, one, tile = ([float(cell) for cell in row] for row in rows)
    assert all(after < before for after, before in zip(one + tile, one_new + tile_new, strict=True))
    assert all(ours < 0.9 * theirs for ours, theirs in zip(tile, one, strict=True))
