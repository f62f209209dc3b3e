"""What `import striate` offers, and that importing it does nothing."""

import ast
import subprocess
import sys
from pathlib import Path

import striate

INIT = Path(striate.__file__ or "")

WATCHED = """
import os, sys, threading
import torch, numpy
{before}
opened, recording = [], False
sys.addaudithook(lambda event, args: opened.append(args[0]) if event == "open" and recording else None)
def state():
    return dict(
        environment=dict(os.environ), threads=threading.active_count(), torch_threads=torch.get_num_threads(),
        interop=torch.get_num_interop_threads(), dtype=torch.get_default_dtype(), grad=torch.is_grad_enabled(),
        deterministic=torch.are_deterministic_algorithms_enabled(), print=str(torch._tensor_str.PRINT_OPTS),
        numpy=str(numpy.get_printoptions()), errors=str(numpy.geterr()), cwd=os.getcwd(),
        rng=torch.random.get_rng_state().sum().item(), matmul=torch.get_float32_matmul_precision(),
        cudnn=(torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic),
        tasks=len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else 0,
        filters=list(__import__("warnings").filters), modules=torch.get_default_device(),
        signals=[__import__("signal").getsignal(n) for n in (2, 15)],
    )
first = state()
recording = True
import striate
recording = False
last = state()
changed = [key for key in first if first[key] != last[key]]
assert not changed, changed
# Code, and what the import system keeps beside it: zipped code, the metadata in which a library looks up its version.
code = (".py", ".pyc", ".so", ".zip", ".dist-info/METADATA")
odd = [str(path) for path in opened if not str(path).endswith(code)]
print(odd)
"""


def test_the_face_is_a_list_without_logic():
    """`striate/__init__.py` imports, lists, and does nothing else."""
    tree = ast.parse(INIT.read_text())
    kinds = {type(node) for node in tree.body}
    assert kinds <= {ast.Expr, ast.Import, ast.ImportFrom, ast.Assign}
    assert all(hasattr(striate, name) for name in striate.__all__)
    assert sorted(striate.__all__) == sorted(set(striate.__all__))


def test_every_public_object_is_documented():
    """help(striate.x) says something for each x."""
    undocumented = [name for name in striate.__all__ if not getattr(striate, name).__doc__]
    assert not undocumented


def test_importing_changes_nothing_and_opens_nothing():
    """No global setting, no environment variable, no thread, no signal handler, no file but the code itself."""
    found = subprocess.run(
        [sys.executable, "-c", WATCHED.format(before="")], capture_output=True, text=True, timeout=60, check=False
    )
    assert found.returncode == 0, found.stderr
    assert found.stdout.strip() == "[]"


def test_the_watch_can_see():
    """The same program objects to an import that does change something."""
    cheat = 'sys.modules["striate"] = type(sys)("striate"); import builtins; real = builtins.__import__\n'
    cheat += "def load(name, *a, **k):\n    if name == 'striate': torch.set_default_dtype(torch.float64)\n"
    cheat += "    return real(name, *a, **k)\nbuiltins.__import__ = load"
    found = subprocess.run(
        [sys.executable, "-c", WATCHED.format(before=cheat)], capture_output=True, text=True, timeout=60, check=False
    )
    assert "['dtype']" in found.stderr


def test_the_heavy_libraries_wait_until_they_are_needed():
    """What takes a second to import is not imported with the package."""
    code = "import torch, sys; import striate; print([m for m in HEAVY if m in sys.modules])"
    heavy = "HEAVY = ['torchmetrics', 'kornia', 'sklearn', 'scipy', 'matplotlib', 'tensorboard', 'tyro', 'rich'];"
    found = subprocess.run([sys.executable, "-c", heavy + code], capture_output=True, text=True, timeout=60, check=True)
    assert found.stdout.strip() == "[]"
