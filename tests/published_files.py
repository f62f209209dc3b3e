"""Files of weights as others publish them, written by the tests, and the rows that describe them."""

import dataclasses
import hashlib

import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from striate.models import create
from striate.models.weights import Published, Transform

__all__ = ["described", "initialiser", "state_dict", "write_onnx", "write_torch"]


def state_dict(seed=1):
    """Weights for LeNet-5 that are not the ones it begins with."""
    torch.manual_seed(seed)
    return {name: torch.randn_like(tensor) for name, tensor in create("lenet5").state_dict().items()}


def described(path, **changes):
    """Make the row that says what the file is."""
    content = path.read_bytes()
    row = Published(
        model="lenet5",
        name="test",
        url=f"https://example.org/{path.name}",
        file=path.name,
        digest=hashlib.sha256(content).hexdigest(),
        mebibytes=len(content) / 2**20,
        licence="MIT",
        top1=99.0,
        top5=100.0,
        protocol="one centre crop",
        transform=Transform(),
        head=("output.weight", "output.bias"),
        classes=10,
        trained_on="these tests",
    )
    return dataclasses.replace(row, **changes)


def write_torch(path, content, *, zipped=True):
    """Write as torchvision publishes; older files are not zipped."""
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    return path


def initialiser(name, tensor):
    """Make one tensor of an ONNX file."""
    return numpy_helper.from_array(tensor.numpy(), name)


def write_onnx(path, initialisers):
    """Write as the ONNX model zoo publishes: the tensors, and a graph that is of no interest."""
    value = helper.make_tensor_value_info("data_0", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Identity", ["data_0"], ["out"])], "g", [value], [value], initialisers)
    path.write_bytes(onnx.helper.make_model(graph).SerializeToString())
    return path
