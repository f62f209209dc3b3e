"""compile.tracing: the model is left as it is, and what PyTorch says is put in words."""

import logging

import pytest
import torch
from torch import nn

from striate.compile.tracing import dtype_of, hookless, quietly, refused, traced
from striate.errors import CaptureError, DtypeError

pytestmark = pytest.mark.traced


def test_the_copy_shares_tensors_and_has_no_hooks():
    """And the model keeps its own, and its mode."""
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Dropout())
    model[0].register_forward_hook(lambda *_: None)
    copy = hookless(model)
    (layer, _) = copy.children()
    assert layer.weight is model[0].weight
    assert model.training
    assert not copy.training
    assert not layer._forward_hooks
    assert len(model[0]._forward_hooks) == 1


def test_tracing_runs_nothing():
    """Of a model whose weights are large the tracer takes no more memory than of a small one."""
    model = nn.Linear(1, 1).eval()
    program = traced(model, torch.zeros(2, 1))
    assert [node.op for node in program.graph.nodes].count("call_function") == 1
    assert model.weight.grad is None


def test_the_tracer_is_heard_again():
    """What is kept quiet is only so while it traces."""
    logger = logging.getLogger("torch.export")
    with quietly():
        assert logger.disabled
        assert not torch.is_grad_enabled()
        assert not torch.backends.mha.get_fastpath_enabled()
    assert not logger.disabled
    assert torch.is_grad_enabled()
    assert torch.backends.mha.get_fastpath_enabled()


@pytest.mark.refusal
def test_a_refusal_is_in_words():
    """Of the model, the example and PyTorch's reason; of numbers of another kind, that alone."""
    model = nn.Linear(3, 2)
    with pytest.raises(CaptureError) as error, refused(model, torch.zeros(1, 4)):
        raise RuntimeError("one\ntwo")
    assert str(error.value) == (
        "capture: this model cannot be followed operation by operation.\n"
        "  model    Linear\n  example  1 x 4\n  reason   RuntimeError: one\n"
        "What it computes has to be a function of one batch of images of this size, the same for any number of them "
        "and whatever is in them. Pass such a part of it."
    )
    with pytest.raises(DtypeError) as error, refused(model, torch.zeros(1, 3).double()):
        raise RuntimeError
    assert str(error.value) == (
        "capture: the images' numbers are of another kind than the model's.\n"
        "  images  torch.float64\n  model   torch.float32\nConvert the images, or the model."
    )
    assert dtype_of(model) is torch.float32
