"""Other ways to run a network on the processor, each as a function that takes a model and an input and gives a call.

To add one: a function and a line in RIVALS. What is not installed is left out, and said so.
"""

import importlib.util
import io
import logging
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["RIVALS", "installed", "rival"]

Call = Callable[[], Tensor]

# Where rivals may lie apart from the environment, which their requirements would change.
APART = Path(sys.prefix) / "rivals"


def eager(model: nn.Module, x: Tensor, threads: int) -> Call:
    """PyTorch as it is, with channels last."""
    return lambda: model(x)


def compiled(model: nn.Module, x: Tensor, threads: int) -> Call:
    """PyTorch's own compiler, with its constants frozen."""
    from torch._inductor import config

    config.freezing = True
    found = torch.compile(model)
    found(x)
    return lambda: found(x)


def onnx_runtime(model: nn.Module, x: Tensor, threads: int) -> Call:
    """ONNX Runtime, every optimisation on."""
    import onnxruntime as runtime

    options = runtime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = runtime.InferenceSession(_onnx(model, x), options, providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: x.contiguous().numpy()}
    return lambda: torch.from_numpy(session.run(None, feed)[0])


def openvino(model: nn.Module, x: Tensor, threads: int) -> Call:
    """OpenVINO, for latency, in 32 bits."""
    from openvino import Core

    core = Core()
    settings = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    request = core.compile_model(core.read_model(io.BytesIO(_onnx(model, x))), "CPU", settings).create_infer_request()
    given = x.contiguous().numpy()
    return lambda: torch.from_numpy(next(iter(request.infer([given]).values())))


def mnn(model: nn.Module, x: Tensor, threads: int) -> Call:
    """MNN, high precision."""
    import _tools
    import MNN

    with tempfile.TemporaryDirectory() as folder:
        onnx, made = Path(folder) / "net.onnx", Path(folder) / "net.mnn"
        onnx.write_bytes(_onnx(model, x))
        _tools.mnnconvert(["", "-f", "ONNX", "--modelFile", str(onnx), "--MNNModel", str(made)])
        setting = ({"backend": "CPU", "numThread": threads, "precision": "high"},)
        manager = MNN.nn.create_runtime_manager(setting)
        net = MNN.nn.load_module_from_file(str(made), [], [], runtime_manager=manager)
    given = MNN.expr.const(x.contiguous().numpy(), list(x.shape), MNN.expr.NCHW)
    return lambda: torch.from_numpy(net.forward(given).read())


def ncnn(model: nn.Module, x: Tensor, threads: int) -> Call:
    """Run by ncnn, of one image at a time, in 32 bits."""
    import ncnn
    import pnnx

    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "net.pt")
        torch.jit.trace(model, x[:1]).save(path)
        pnnx.convert(path, x[:1].contiguous(), fp16=False)
        net = ncnn.Net()
        net.opt.num_threads, net.opt.use_fp16_packed, net.opt.use_fp16_storage = threads, False, False
        net.opt.use_fp16_arithmetic, net.opt.use_bf16_storage = False, False
        net.load_param(str(Path(folder) / "net.ncnn.param"))
        net.load_model(str(Path(folder) / "net.ncnn.bin"))
    images = [ncnn.Mat(image.contiguous().numpy()).clone() for image in x]

    def one(image: Any) -> Tensor:
        extractor = net.create_extractor()
        extractor.input("in0", image)
        return torch.from_numpy(extractor.extract("out0")[1].numpy().copy())

    return lambda: torch.stack([one(image) for image in images])


RIVALS: dict[str, tuple[str, Callable[[nn.Module, Tensor, int], Call]]] = {
    "PyTorch": ("torch", eager),
    "torch.compile": ("torch", compiled),
    "ONNX Runtime": ("onnxruntime", onnx_runtime),
    "OpenVINO": ("openvino", openvino),
    "ncnn": ("pnnx", ncnn),
    "MNN": ("MNN", mnn),
}
"""By name: the package that it takes, and the function."""


def installed() -> tuple[list[str], list[str]]:
    """Name the rivals that can be run here, and those that are missing."""
    if APART.is_dir() and str(APART) not in sys.path:
        sys.path.append(str(APART))
    found = [name for name, (package, _) in RIVALS.items() if importlib.util.find_spec(package)]
    return found, [name for name in RIVALS if name not in found]


def rival(name: str, model: nn.Module, x: Tensor, threads: int) -> Call | None:
    """Give the call of a rival, which has run once; None if it refuses the network, and why is printed."""
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            call = RIVALS[name][1](model, x, threads)
            call()
        except Exception as error:  # whatever others raise
            print(f"{name}: {type(error).__name__}: {str(error)[:200]}", file=sys.stderr)
            return None
    return call


def _onnx(model: nn.Module, x: Tensor) -> bytes:
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    buffer = io.BytesIO()
    torch.onnx.export(model, (x.contiguous(),), buffer, dynamo=False, opset_version=17)
    return buffer.getvalue()
