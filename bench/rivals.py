"""Other ways to run a network on a processor: each takes a model and gives a function that runs it.

All compute in 32-bit floats, with no half precision behind one's back; MNN alone takes larger Winograd tiles, and is as
much less exact. The packages are those of bench/rivals.txt, which says how to install them; one that is missing is left
out, and that is said.
"""

import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

__all__ = ["RIVALS", "Run", "rivals"]

Run = Callable[[], np.ndarray]
"""Runs the network on the image that it was made for; gives the scores, `N K`."""


def rivals(model: nn.Module, image: Tensor, threads: int) -> tuple[dict[str, Run], dict[str, str]]:
    """Make all that are installed ready to run a network.

    Returns:
        By name, how to run it; and why the others are left out.
    """
    ready: dict[str, Run] = {}
    left_out: dict[str, str] = {}
    for name, make in RIVALS.items():
        try:
            with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
                warnings.simplefilter("ignore")  # theirs
                ready[name] = make(model, image, threads, Path(folder))
        except Exception as error:  # not there; or whatever they raise at a network that they do not take
            left_out[name] = f"{type(error).__name__}: {str(error)[:200]}"
    return ready, left_out


def _eager(model: nn.Module, image: Tensor, threads: int, folder: Path) -> Run:
    return lambda: _given(model(image))


def _channels_last(model: nn.Module, image: Tensor, threads: int, folder: Path) -> Run:
    import copy

    model, image = copy.deepcopy(model), image.contiguous(memory_format=torch.channels_last)
    model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    return lambda: _given(model(image))


def _torch_compile(model: nn.Module, image: Tensor, threads: int, folder: Path) -> Run:
    compiled: Any = torch.compile(model)
    return lambda: _given(compiled(image))


def _onnxruntime(model: nn.Module, image: Tensor, threads: int, folder: Path) -> Run:
    import onnxruntime  # pyright: ignore[reportMissingImports]

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(_onnx(model, image, folder), options, providers=["CPUExecutionProvider"])
    fed = {session.get_inputs()[0].name: image.numpy()}
    return lambda: session.run(None, fed)[0]


def _openvino(model: nn.Module, image: Tensor, threads: int, folder: Path) -> Run:
    import openvino  # pyright: ignore[reportMissingImports]

    core = openvino.Core()
    settings = {
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
    }
    request = core.compile_model(core.read_model(_onnx(model, image, folder)), "CPU", settings).create_infer_request()
    array = image.numpy()
    return lambda: next(iter(request.infer([array]).values()))


def _ncnn(model: nn.Module, image: Tensor, threads: int, folder: Path) -> Run:
    import ncnn  # pyright: ignore[reportMissingImports]
    import pnnx  # pyright: ignore[reportMissingImports]

    torch.jit.trace(model, image[:1], check_trace=False).save(folder / "net.pt")  # pyright: ignore[reportAttributeAccessIssue]
    shape = ",".join(map(str, (1, *image.shape[1:])))
    command = [pnnx.EXEC_PATH, "net.pt", f"inputshape=[{shape}]", "fp16=0"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    net = ncnn.Net()
    net.opt.num_threads = threads
    for option in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage"):
        setattr(net.opt, option, False)
    if net.load_param(str(folder / "net.ncnn.param")) or net.load_model(str(folder / "net.ncnn.bin")):
        raise RuntimeError("it cannot read the network")  # it would crash when it is run
    images = [np.ascontiguousarray(one.numpy()) for one in image]

    def run_one(one: np.ndarray) -> np.ndarray:
        extractor = net.create_extractor()
        extractor.input("in0", ncnn.Mat(one))
        return np.array(extractor.extract("out0")[1])

    return lambda: np.stack([run_one(one) for one in images])  # it knows no batches


def _mnn(model: nn.Module, image: Tensor, threads: int, folder: Path) -> Run:
    import MNN  # pyright: ignore[reportMissingImports]

    _onnx(model, image, folder)
    convert = (
        "import sys; from MNN.tools.mnnconvert import main; "
        "sys.argv = 'mnnconvert -f ONNX --modelFile net.onnx --MNNModel net.mnn --bizCode x'.split(); main()"
    )
    path = os.pathsep.join(filter(None, sys.path))
    command = [sys.executable, "-c", convert]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, env={**os.environ, "PYTHONPATH": path})
    settings = ({"backend": "CPU", "numThread": threads, "precision": "high"},)
    manager = MNN.nn.create_runtime_manager(settings)
    net = MNN.nn.load_module_from_file(str(folder / "net.mnn"), [], [], runtime_manager=manager)
    given = MNN.expr.const(image.numpy(), list(image.shape), MNN.expr.NCHW)
    return lambda: np.array(net.onForward([given])[0].read())


RIVALS: Final[dict[str, Callable[[nn.Module, Tensor, int, Path], Run]]] = {
    "PyTorch": _eager,
    "PyTorch, channels_last": _channels_last,
    "torch.compile": _torch_compile,
    "ONNX Runtime": _onnxruntime,
    "OpenVINO": _openvino,
    "ncnn": _ncnn,
    "MNN": _mnn,
}


def _onnx(model: nn.Module, image: Tensor, folder: Path) -> str:
    import onnx  # noqa: F401  # pyright: ignore[reportMissingImports, reportUnusedImport] - PyTorch needs it

    path = folder / "net.onnx"
    if not path.exists():
        torch.onnx.export(model, (image,), str(path), dynamo=False, opset_version=17)
    return str(path)


def _given(found: Tensor) -> np.ndarray:
    return found.numpy()
