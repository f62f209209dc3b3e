"""The build: the core passes its own test, its Python signatures are the checked-in ones, every package is pinned."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
STUB = ROOT / "src/striate/_engine.pyi"


def test_the_stub_is_what_nanobind_writes(tmp_path):
    """src/striate/_engine.pyi is generated: after a change in core/binding/, `make stub` writes it anew."""
    written = tmp_path / "_engine.pyi"
    code = "import sys, torch, nanobind.stubgen as s\ns.main(['-q', '-m', 'striate._engine', '-o', sys.argv[1]])"
    subprocess.run([sys.executable, "-c", code, str(written)], check=True, timeout=120)
    form = [sys.executable, "-m", "ruff", "format", "-q", "--config", str(ROOT / "pyproject.toml"), str(written)]
    subprocess.run(form, check=True)
    assert written.read_text() == STUB.read_text()


@pytest.mark.slow
@pytest.mark.skipif(not (shutil.which("make") and shutil.which("c++")), reason="needs make and a C++ compiler")
@pytest.mark.skipif(sys.platform != "linux", reason="sanitizers differ elsewhere")
def test_the_core_passes_its_own_test_under_sanitizers():
    """`make core-test` passes: no bad address, no undefined behaviour, every kernel counted right."""
    if not (ROOT / ".venv/.packages").exists():
        pytest.skip("needs the environment that `make` sets up")
    done = subprocess.run(["make", "-C", str(ROOT), "core-test"], capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"core: \d+ checks passed", done.stdout)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_everything_the_project_names_is_pinned():
    """constraints.txt has one exact version for every package, extra and build tool that pyproject.toml names."""
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and line[0] != "#"]
    pins = dict(line.split("==") for line in lines)
    assert pins["torch"] == "2.13.0"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    named = (
        project["project"]["dependencies"] + extras["dev"] + project["build-system"]["requires"] + ["cmake", "ninja"]
    )
    names = {_normal(re.split(r"[<>=!~\[; ]", requirement)[0]) for requirement in named}
    assert names <= {_normal(name) for name in pins}


@pytest.mark.parametrize("target", ["demo", "test", "check", "format", "bench", "core-test", "clean", "help"])
@pytest.mark.skipif(not shutil.which("make"), reason="needs make")
def test_make_help_lists_every_target(target):
    """What can be made is listed with a line of explanation."""
    listed = subprocess.run(["make", "-C", str(ROOT), "help"], capture_output=True, text=True, check=True).stdout
    assert re.search(rf"^{target}\s+\S", listed, re.MULTILINE)


@pytest.mark.skipif(not shutil.which("make"), reason="needs make")
def test_a_missing_python_is_explained(tmp_path):
    """One clear line where there is no Python to set up with."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for folder in ("core", "bench"):
        (tmp_path / folder).mkdir()
    for file in ("constraints.txt", "oracles.txt", "CMakeLists.txt", "pyproject.toml"):
        (tmp_path / file).touch()
    command = ["make", "-C", str(tmp_path), "test", "PYTHON=no-such-python"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert (
        "Striate needs Python 3.11 or later, and finds none as 'no-such-python'. "
        "Name one: make PYTHON=/path/to/python3.11\n"
    ) in done.stdout
    assert not (tmp_path / ".venv").exists()
