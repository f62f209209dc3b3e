"""Reading the numbers out of an ONNX file: its initialisers. The graph around them is another matter (`graph`).

Source:
    ONNX 1.23, `onnx.proto`: TensorProto and where its bytes can be.
"""

from pathlib import Path

import torch
from torch import Tensor

from striate.models.weights.graph import read_graph
from striate.models.weights.refusal import reason, refused
from striate.models.weights.tensors import held

__all__ = ["read_initialisers"]


def read_initialisers(path: Path, most: int) -> dict[str, Tensor]:
    """Read the initialisers of an ONNX file; whole numbers, which say how to reshape, are left out.

    Args:
        path: The file, whose digest has been compared.
        most: Bytes that the file, and all tensors, may have.

    Raises:
        WeightsError: The package `onnx` is missing; the file is no ONNX, keeps tensors in other files, holds other
            numbers than float32, or too many.
    """
    onnx, graph = read_graph(path)
    found: dict[str, Tensor] = {}
    for tensor in graph.initializer:
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
            raise refused(path, f"{tensor.name!r} lies in another file")
        if tensor.data_type == onnx.TensorProto.INT64:
            continue
        if tensor.data_type != onnx.TensorProto.FLOAT:
            kinds = {number: kind for kind, number in onnx.TensorProto.DataType.items()}
            kind = kinds.get(tensor.data_type, tensor.data_type)
            raise refused(path, f"{tensor.name!r} is not of float32", received=kind)
        if not isinstance(tensor.name, str):  # protobuf gives bytes where they are no text
            raise refused(path, f"{tensor.name!r} is no name")
        if tensor.name in found:
            raise refused(path, f"{tensor.name!r} is there twice")
        try:
            found[tensor.name] = torch.from_numpy(onnx.numpy_helper.to_array(tensor).copy())
        except (ValueError, TypeError) as error:
            raise refused(path, f"{tensor.name!r} is damaged", reported=reason(error)) from error
    if not found:
        raise refused(path, "it holds no tensors")
    return held(found, path, most)
