"""Runtimes that read a network from a file of their own: how it is written, and how it is opened.

All compute in 32-bit floats, with no half precision behind one's back; MNN alone takes larger Winograd tiles, and is as
much less exact.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor, nn

from striate.rivals.pytorch import Run

__all__ = ["FILES", "Runtime", "environment"]


class Runtime(NamedTuple):
    """A way to run a network that is in a file.

    Args:
        packages: What has to be installed: by what Python imports, what pip calls it.
        write: From a model, in evaluation mode, and images, writes what it opens into a folder.
        open: From the folder, the images and a number of threads, to what runs it.
        crashes: Whether it ends the process at networks that it does not know.
    """

    packages: dict[str, str]
    write: Callable[[nn.Module, Tensor, Path], None]
    open: Callable[[Path, np.ndarray, int], Run]
    crashes: bool = False


def environment() -> dict[str, str]:
    """Give the environment of a process that is to import what this one can."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def _write_onnx(model: nn.Module, images: Float32[Tensor, "N C H W"], folder: Path) -> None:
    path = folder / "net.onnx"
    if not path.exists():
        torch.onnx.export(model, (images,), str(path), dynamo=False, opset_version=17)


def _open_onnxruntime(folder: Path, images: np.ndarray, threads: int) -> Run:
    import onnxruntime  # pyright: ignore[reportMissingImports]

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(folder / "net.onnx"), options, providers=["CPUExecutionProvider"])
    fed = {session.get_inputs()[0].name: images}
    return lambda: session.run(None, fed)[0]


def _open_openvino(folder: Path, images: np.ndarray, threads: int) -> Run:
    import openvino  # pyright: ignore[reportMissingImports]

    core = openvino.Core()
    settings = {
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
    }
    request = core.compile_model(core.read_model(str(folder / "net.onnx")), "CPU", settings).create_infer_request()
    return lambda: next(iter(request.infer([images]).values()))


def _write_ncnn(model: nn.Module, images: Float32[Tensor, "N C H W"], folder: Path) -> None:
    import pnnx  # pyright: ignore[reportMissingImports]

    torch.jit.trace(model, images[:1], check_trace=False).save(folder / "net.pt")  # pyright: ignore[reportAttributeAccessIssue]
    shape = ",".join(map(str, (1, *images.shape[1:])))
    _converted([pnnx.EXEC_PATH, "net.pt", f"inputshape=[{shape}]", "fp16=0"], folder)


def _open_ncnn(folder: Path, images: np.ndarray, threads: int) -> Run:
    import ncnn  # pyright: ignore[reportMissingImports]

    net = ncnn.Net()
    net.opt.num_threads = threads
    for option in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage"):
        setattr(net.opt, option, False)
    if net.load_param(str(folder / "net.ncnn.param")) or net.load_model(str(folder / "net.ncnn.bin")):
        raise RuntimeError("it cannot read the network")
    each = [np.ascontiguousarray(image) for image in images]

    def run_one(image: np.ndarray) -> np.ndarray:
        extractor = net.create_extractor()
        extractor.input("in0", ncnn.Mat(image))
        return np.array(extractor.extract("out0")[1])

    return lambda: np.stack([run_one(image) for image in each])  # it knows no batches


# Its command line's `main` would first have pip change the environment, and then send what was converted to a server.
_CONVERT_MNN: Final = (
    "import MNN, _tools; _tools.mnnconvert('mnnconvert -f ONNX --modelFile net.onnx --MNNModel net.mnn'"
    "' --bizCode x'.split())"
)


def _write_mnn(model: nn.Module, images: Float32[Tensor, "N C H W"], folder: Path) -> None:
    _write_onnx(model, images, folder)
    _converted([sys.executable, "-c", _CONVERT_MNN], folder)


def _open_mnn(folder: Path, images: np.ndarray, threads: int) -> Run:
    import MNN  # pyright: ignore[reportMissingImports]

    settings = ({"backend": "CPU", "numThread": threads, "precision": "high"},)
    manager = MNN.nn.create_runtime_manager(settings)
    net: Any = MNN.nn.load_module_from_file(str(folder / "net.mnn"), [], [], runtime_manager=manager)
    given = MNN.expr.const(images, list(images.shape), MNN.expr.NCHW)
    return lambda: np.array(net.onForward([given])[0].read())


FILES: Final[dict[str, Runtime]] = {
    "ONNX Runtime": Runtime({"onnxruntime": "onnxruntime", "onnx": "onnx"}, _write_onnx, _open_onnxruntime),
    "OpenVINO": Runtime({"openvino": "openvino", "onnx": "onnx"}, _write_onnx, _open_openvino),
    "ncnn": Runtime({"ncnn": "ncnn", "pnnx": "pnnx"}, _write_ncnn, _open_ncnn, crashes=True),
    "MNN": Runtime({"MNN": "MNN", "onnx": "onnx"}, _write_mnn, _open_mnn, crashes=True),
}
"""By name."""


def _converted(command: list[str], folder: Path) -> None:
    """Run a converter; what it says goes nowhere unless it fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", env=environment())  # noqa: S603
    if done.returncode:
        raise RuntimeError(f"its converter fails: {(done.stderr or done.stdout).strip()[-150:]}")
