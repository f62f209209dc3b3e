"""Every example runs, as its first lines say it does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ARGUMENTS = {
    "01_digits.py": ["--seeds", "1", "--epochs", "1"],
    "02_predict.py": ["--epochs", "1"],
    "03_transfer.py": ["--epochs", "1"],
}
SHOWN = {"01_digits.py": "report.html", "02_predict.py": "on-its-head", "03_transfer.py": "the head learns"}


@pytest.mark.parametrize("example", sorted((ROOT / "examples").glob("*.py")), ids=lambda p: p.name)
def test_example_runs(example, tmp_path):
    """It ends well, and prints something."""
    done = subprocess.run(
        [sys.executable, str(example), *ARGUMENTS[example.name], "--out", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert SHOWN[example.name] in done.stdout
