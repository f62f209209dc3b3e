"""models.weights.initialisers: numbers come out of an ONNX file, and nothing but numbers."""

import random
import sys

import onnx
import pytest
import torch
from onnx import TensorProto
from published_files import initialiser, write_onnx

from striate.errors import WeightsError
from striate.models.weights.initialisers import read_initialisers

MOST = 100_000
WAY_OUT = "It is not the published file, whatever its name. Remove it and fetch it again, or choose other weights."


def test_every_initialiser_is_read(tmp_path):
    """Every bit; whole numbers, which say how to reshape, are none of the weights."""
    content = {"conv1_w_0": torch.randn(4, 3, 2, 2), "conv1_b_0": torch.randn(4)}
    shape = initialiser("OC2_DUMMY_1", torch.tensor([1, 9216]))
    path = write_onnx(tmp_path / "net.onnx", [shape, *(initialiser(*item) for item in content.items())])
    found = read_initialisers(path, MOST)
    assert list(found) == list(content)
    assert all(torch.equal(found[name], content[name]) for name in content)


def test_numbers_written_one_by_one_are_read(tmp_path):
    """Older files have lists instead of bytes."""
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[2, 2], float_data=[1, 2, 3, 4])
    found = read_initialisers(write_onnx(tmp_path / "net.onnx", [tensor]), MOST)
    assert found["w"].tolist() == [[1, 2], [3, 4]]


@pytest.mark.refusal
def test_a_tensor_that_lies_in_another_file_is_refused(tmp_path):
    """Whatever file that would be."""
    (tmp_path / "secret").write_bytes(bytes(16))
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="../secret")
    path = write_onnx(tmp_path / "net.onnx", [tensor])
    with pytest.raises(WeightsError) as error:
        read_initialisers(path, MOST)
    assert str(error.value) == f"weights: net.onnx is refused: 'w' lies in another file.\n  path  {path}\n{WAY_OUT}"


def claims_too_much():
    return TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[10**6, 10**6], raw_data=b"1234")


@pytest.mark.refusal
@pytest.mark.parametrize(
    ("tensors", "why", "received"),
    [
        ([initialiser("w", torch.ones(2).double())], "'w' is not of float32", "received  DOUBLE"),
        ([initialiser("w", torch.ones(2))] * 2, "'w' is there twice", None),
        (
            [claims_too_much()],
            "'w' is damaged",
            "reported  ValueError: cannot reshape array of size 1 into shape (1000000,1000000)",
        ),
        ([], "it holds no tensors", None),
        (
            [initialiser("w", torch.zeros(30_000))],
            "its tensors are larger than the published ones",
            "tensors  120,000 bytes\n  most     100,000 bytes",
        ),
    ],
    ids=["double", "twice", "too much", "none", "large"],
)
def test_what_should_not_be_there_is_refused(tmp_path, tensors, why, received):
    """Named, with what it is."""
    path = write_onnx(tmp_path / "net.onnx", tensors)
    with pytest.raises(WeightsError) as error:
        read_initialisers(path, MOST)
    width = len(received.split()[0]) if received else 4
    values = f"  {'path':<{width}}  {path}\n" + (f"  {received}\n" if received else "")
    assert str(error.value) == f"weights: net.onnx is refused: {why}.\n{values}{WAY_OUT}"


@pytest.mark.refusal
def test_a_name_that_is_no_text_is_refused(tmp_path):
    """Damage can hit a name."""
    path = write_onnx(tmp_path / "net.onnx", [initialiser("wxyz", torch.ones(2))])
    path.write_bytes(path.read_bytes().replace(b"wxyz", b"w\x8ayz"))
    with pytest.raises(WeightsError) as error:
        read_initialisers(path, MOST)
    assert str(error.value) == f"weights: net.onnx is refused: b'w\\x8ayz' is no name.\n  path  {path}\n{WAY_OUT}"


@pytest.mark.refusal
def test_what_is_no_onnx_is_refused(tmp_path):
    """A server's page."""
    path = tmp_path / "net.onnx"
    path.write_bytes(b"<!DOCTYPE html>")
    with pytest.raises(WeightsError, match="it cannot be read as ONNX"):
        read_initialisers(path, MOST)


def test_a_damaged_file_is_refused_or_read_never_anything_else(tmp_path):
    """Cut anywhere, or one byte changed anywhere: our own error, or tensors."""
    whole = write_onnx(tmp_path / "whole.onnx", [initialiser("w", torch.randn(20)), initialiser("b", torch.randn(3))])
    damaged, refusals, chance = tmp_path / "net.onnx", 0, random.Random(0)
    for i in range(400):
        content = bytearray(whole.read_bytes())
        if i % 3:
            content[chance.randrange(len(content))] = chance.randrange(256)
        else:
            del content[chance.randrange(len(content)) :]
        damaged.write_bytes(content)
        try:
            read_initialisers(damaged, MOST)
        except WeightsError:
            refusals += 1
    assert refusals > 100


@pytest.mark.refusal
def test_without_the_package_it_is_said_how_to_get_it(tmp_path, monkeypatch):
    """It is an extra."""
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(WeightsError) as error:
        read_initialisers(tmp_path / "net.onnx", MOST)
    assert str(error.value) == (
        "weights: these are published as ONNX, and the package that reads it is not installed.\n"
        "  reported  import of onnx halted; None in sys.modules\n"
        "Install it: pip install 'striate[onnx]'"
    )


def test_the_package_is_there():
    """The tests above read what the package itself has written."""
    assert tuple(map(int, onnx.__version__.split(".")[:2])) >= (1, 21)
