"""rivals.files: runtimes that read files; none of them is installed where these tests run."""

import os
import sys

import numpy as np
import pytest
import torch
from torch import nn

from striate.rivals.files import FILES, _converted, environment


def test_each_says_what_it_needs():
    """What Python imports, and what pip calls it."""
    assert {name: list(runtime.packages) for name, runtime in FILES.items()} == {
        "ONNX Runtime": ["onnxruntime", "onnx"],
        "OpenVINO": ["openvino", "onnx"],
        "ncnn": ["ncnn", "pnnx"],
        "MNN": ["MNN", "onnx"],
    }


def test_those_that_crash_are_known():
    """They are tried in a process of their own first."""
    assert [name for name, runtime in FILES.items() if runtime.crashes] == ["ncnn", "MNN"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_file_of_onnx_is_the_model(tmp_path):
    """Held against the reference of onnx itself; what is there already is not written again."""
    reference = pytest.importorskip("onnx.reference")
    torch.manual_seed(0)
    model, x = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()).eval(), torch.randn(1, 3, 6, 6)
    for _ in range(2):
        FILES["ONNX Runtime"].write(model, x, tmp_path)
    found = reference.ReferenceEvaluator(str(tmp_path / "net.onnx"))
    (answer,) = found.run(None, {found.input_names[0]: x.numpy()})
    with torch.no_grad():
        np.testing.assert_allclose(answer, model(x).numpy(), rtol=1e-4, atol=1e-5)


def test_other_processes_import_what_this_one_can():
    """From where this one does."""
    assert environment()["PYTHONPATH"].split(os.pathsep) == [path for path in sys.path if path]


@pytest.mark.refusal
def test_a_converter_that_fails_is_heard(tmp_path):
    """Its last words are told."""
    with pytest.raises(RuntimeError, match=r"^its converter fails: no such layer$"):
        _converted([sys.executable, "-c", "import sys; sys.exit('no such layer')"], tmp_path)
