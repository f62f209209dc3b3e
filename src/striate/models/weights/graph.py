"""What the graph of an ONNX file computes: never run, only compared with what the network here computes.

A network that pads, pools or normalises otherwise takes weights of the right shapes, and answers wrongly, silently.

Source:
    ONNX 1.23, `docs/Operators.md`: the operations, and their settings where nothing is said.
    Caffe2's model zoo (facebookarchive/models), `zfnet512/predict_net.pbtxt`: the steps and settings of ZFNet-512.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final, NamedTuple

from striate.errors import WeightsError
from striate.models.weights.refusal import reason, refused

__all__ = ["SETTINGS", "ZFNET_512", "Step", "read_graph", "require_graph", "step"]

# All that an operation can be told (ONNX's operator set 12), where that is nothing; a size has to be told.
SETTINGS: Final[dict[str, dict[str, object]]] = {
    "Conv": {"auto_pad": "NOTSET", "dilations": (1, 1), "group": 1, "pads": (0, 0, 0, 0), "strides": (1, 1)},
    "MaxPool": {
        "auto_pad": "NOTSET",
        "ceil_mode": 0,
        "dilations": (1, 1),
        "pads": (0, 0, 0, 0),
        "storage_order": 0,
        "strides": (1, 1),
    },
    "LRN": {"alpha": 1e-4, "beta": 0.75, "bias": 1.0},
    "Gemm": {"alpha": 1.0, "beta": 1.0, "transA": 0, "transB": 0},
    "Softmax": {"axis": 1},
}


class Step(NamedTuple):
    """One operation of a graph, on the outcome of the one before.

    Args:
        operation: Its name in ONNX.
        takes: The weights that it takes besides, by their names in the file.
        settings: All of them.
    """

    operation: str
    takes: tuple[str, ...]
    settings: Mapping[str, object]

    def __str__(self) -> str:
        return f"{self.operation}({', '.join([*self.takes, *(f'{k}={v}' for k, v in self.settings.items())])})"


def step(operation: str, *takes: str, **settings: object) -> Step:
    """Describe an operation; settings that are not given are ONNX's.

    Example:
        >>> print(step("LRN", size=5, alpha=5e-4))
        LRN(alpha=0.0005, beta=0.75, bias=1.0, size=5)
    """
    return Step(operation, takes, {**SETTINGS.get(operation, {}), **settings})


def _of(layer: str) -> tuple[str, str]:
    return f"gpu_0/{layer}_w_0", f"gpu_0/{layer}_b_0"


ZFNET_512: Final = (
    step("Conv", *_of("conv1"), kernel_shape=(7, 7), strides=(2, 2)),
    step("Relu"),
    step("LRN", size=5, alpha=5e-4, beta=0.75, bias=2.0),
    step("MaxPool", kernel_shape=(3, 3), strides=(2, 2)),
    step("Conv", *_of("conv2"), kernel_shape=(5, 5), strides=(2, 2)),
    step("Relu"),
    step("LRN", size=5, alpha=5e-4, beta=0.75, bias=2.0),
    step("MaxPool", kernel_shape=(3, 3), strides=(2, 2)),
    step("Conv", *_of("conv3"), kernel_shape=(3, 3), pads=(1, 1, 1, 1)),
    step("Relu"),
    step("Conv", *_of("conv4"), kernel_shape=(3, 3), pads=(1, 1, 1, 1)),
    step("Relu"),
    step("Conv", *_of("conv5"), kernel_shape=(3, 3), pads=(1, 1, 1, 1)),
    step("Relu"),
    step("MaxPool", kernel_shape=(2, 2), strides=(2, 2)),
    step("Reshape"),
    step("Gemm", *_of("fc6"), transB=1),
    step("Relu"),
    step("Gemm", *_of("fc7"), transB=1),
    step("Relu"),
    step("Gemm", *_of("fc8"), transB=1),
    step("Softmax"),
)


def require_graph(path: Path, expected: Sequence[Step]) -> None:
    """Compare what an ONNX file computes with what it is known to compute.

    Args:
        path: The file, whose digest has been compared.
        expected: The steps, one after the other.

    Raises:
        WeightsError: It computes something else, or cannot be read.
    """
    onnx, graph = read_graph(path)
    try:
        found = list(_steps(onnx, graph))
    except ValueError as error:
        raise refused(path, "its graph is damaged", reported=reason(error)) from error
    for i, (ours, theirs) in enumerate(zip_longest(expected, found), start=1):
        if ours != theirs:
            raise WeightsError(
                f"weights: {path.name} computes something else than the network here.",
                "Its weights would fit, and the answers be wrong. Choose others: striate weights list",
                path=path,
                step=f"{i} of {len(expected)}",
                expected=ours or "nothing more",
                found=theirs or "nothing more",
            )


def read_graph(path: Path) -> tuple[Any, Any]:
    """Read an ONNX file, and nothing that it points to.

    Returns:
        The package `onnx`, and the file's graph.

    Raises:
        WeightsError: The package is missing, or the file is no ONNX.
    """
    onnx, undecoded = _onnx()
    try:
        return onnx, onnx.load(str(path), format="protobuf", load_external_data=False).graph
    except (undecoded, ValueError) as error:
        raise refused(path, "it cannot be read as ONNX", reported=reason(error)) from error


def _steps(onnx: Any, graph: Any) -> Iterator[Step]:
    """List the operations. What does not take the outcome of the one before, takes it by name."""
    # They say how to reshape. That keeps the order, and the weights that come next leave it no other size.
    sizes = {tensor.name for tensor in graph.initializer if tensor.data_type == onnx.TensorProto.INT64}
    before = {value.name for value in graph.input} - {tensor.name for tensor in graph.initializer}
    for node in graph.node:
        operation = node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}"
        first, *others = node.input or [""]
        takes = [name for name in others if name not in sizes]
        told = {given.name: _plain(onnx.helper.get_attribute_value(given)) for given in node.attribute}
        yield Step(
            operation, tuple(takes if first in before else [first, *takes]), {**SETTINGS.get(operation, {}), **told}
        )
        before = set(node.output)


def _plain(value: Any) -> object:
    """Give a setting as Python has it; a number of float32 as it was written, not as float64 shows it."""
    if isinstance(value, float):
        return float(f"{value:.7g}")
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return value if isinstance(value, int) else tuple(value) if isinstance(value, Sequence) else type(value).__name__


def _onnx() -> tuple[Any, type[Exception]]:
    """Import the package, and what it raises where it cannot decode."""
    try:
        import onnx  # an extra: who reads no ONNX file needs it not
        from google.protobuf.message import DecodeError
    except ImportError as error:
        raise WeightsError(
            "weights: these are published as ONNX, and the package that reads it is not installed.",
            "Install it: pip install 'striate[onnx]'",
            reported=error,
        ) from error
    return onnx, DecodeError
