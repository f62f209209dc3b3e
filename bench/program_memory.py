"""The most memory that a process takes to load a ResNet-50 and run it once: programs, fast and small, and ONNX Runtime.

Each is loaded in a process of its own. What the libraries take before is not counted; a program's answer, and ONNX
Runtime's, is held against the model's.

Run: PYTHONPATH=rivals python -m bench.program_memory (bench/rivals.txt says what rivals is)
"""

import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

from bench.harness import record_rows
from striate.errors import StriateError

__all__ = ["WAYS", "main"]

WAYS = {"striate, fast": "fast", "striate, small": "small", "ONNX Runtime": ""}
"""By name, the memory that is asked for."""

_TURNS, _RUNS = 3, 7
_LONG = 1e-2  # of the largest number


def _status(name: str) -> int:
    """Give a number of what the system says of this process, in bytes."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def child(way: str, folder: Path) -> None:
    """Load and run it once; print the most memory that this took, and then the milliseconds of a run."""
    image = np.load(folder / "image.npy")
    if way == "ONNX Runtime":
        import onnxruntime  # pyright: ignore[reportMissingImports]

        before = _status("VmHWM")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(str(folder / "net.onnx"), options, providers=["CPUExecutionProvider"])
        fed = {session.get_inputs()[0].name: image}

        def run() -> np.ndarray:
            return session.run(None, fed)[0]
    else:
        import torch

        from striate import load_program

        torch.set_num_threads(1)
        before = _status("VmHWM")
        program = load_program(folder / "net.striate", memory=WAYS[way])  # pyright: ignore[reportArgumentType]
        x = torch.from_numpy(image)

        def run() -> np.ndarray:
            return program(x).numpy()

    answer, taken = run(), _status("VmHWM") - before
    want = np.load(folder / "answer.npy")
    if not np.abs(answer - want).max() < _LONG * np.abs(want).max():
        raise StriateError("program_memory: an answer is wrong.", "Mend it first.", way=way)
    times: list[float] = []
    for _ in range(_RUNS):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    print(taken, statistics.median(times) * 1e3)


def main() -> None:
    """Write the network to files, and measure what loads them."""
    import torch

    from bench.compile import network
    from striate import compile  # noqa: A004 - it is what PyTorch calls it
    from striate.rivals.files import FILES

    model, x = network("resnet50"), torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    found: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            FILES["ONNX Runtime"].write(model, x, Path(folder))
            np.save(Path(folder) / "answer.npy", model(x).numpy())
        np.save(Path(folder) / "image.npy", x.numpy())
        compile(model, x).save(Path(folder) / "net.striate")
        for _ in range(_TURNS):
            for way, each in found.items():
                command = [sys.executable, "-m", "bench.program_memory", way, folder]
                said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
                each.append((float(said[0]), float(said[1])))
    peaks = {way: statistics.median(taken for taken, _ in each) for way, each in found.items()}
    rows = [
        [
            way,
            f"{peaks[way] / 2**20:.0f}",
            f"{peaks[way] / peaks['ONNX Runtime']:.2f}",
            f"{statistics.median(times for _, times in each):.1f}",
        ]
        for way, each in found.items()
    ]
    weights = sum(parameter.nbytes for parameter in model.parameters()) / 2**20
    what = (
        f"The most memory that a process takes to load a ResNet-50 and run one image, besides that of the libraries; "
        f"the weights alone are {weights:.0f} MiB. Medians of {_TURNS} processes."
    )
    record_rows("program-memory", what, ["", "MiB", "of ONNX Runtime's", "milliseconds of a run"], rows, threads=1)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        child(sys.argv[1], Path(sys.argv[2]))
    else:
        main()
