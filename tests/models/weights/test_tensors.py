"""models.weights.tensors: only plain tensors of plain numbers come in, and no more than there should be."""

from pathlib import Path

import pytest
import torch
from torch import nn

from striate.errors import WeightsError
from striate.models.weights.tensors import held

PATH = Path("/x/net.pth")
WAY_OUT = "It is not the published file, whatever its name. Remove it and fetch it again, or choose other weights."


def test_what_comes_in_is_a_copy_of_its_own():
    """Contiguous, without gradients, sharing nothing."""
    base = torch.arange(6.0).reshape(2, 3)
    found = held({"a": base.t(), "b": nn.Parameter(base), "count": torch.tensor(3)}, PATH, 1000)
    assert torch.equal(found["a"], base.t())
    assert all(tensor.is_contiguous() and not tensor.requires_grad for tensor in found.values())
    assert found["b"].data_ptr() != base.data_ptr()
    assert [type(tensor) for tensor in found.values()] == [torch.Tensor] * 3


@pytest.mark.refusal
@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (torch.eye(2).to_sparse(), "Tensor of torch.float32"),
        (torch.zeros(2, device="meta"), "Tensor of torch.float32"),
        (torch.zeros(2, dtype=torch.complex64), "Tensor of torch.complex64"),
        (torch.zeros(2).half(), "Tensor of torch.float16"),
        ([1.0], "list of no numbers"),
        (1.0, "float of no numbers"),
    ],
    ids=str,
)
def test_anything_else_is_refused(value, kind):
    """It is named, with what it is."""
    with pytest.raises(WeightsError) as error:
        held({"fine": torch.ones(1), "odd": value}, PATH, 1000)
    assert str(error.value) == (
        "weights: net.pth is refused: 'odd' is not a dense tensor of float32 or int64.\n"
        f"  path      /x/net.pth\n  received  {kind}\n{WAY_OUT}"
    )


@pytest.mark.refusal
def test_a_view_that_claims_more_than_its_file_holds_is_refused():
    """A number that repeats a thousand million times is one number in the file, and 4 GB in memory."""
    with pytest.raises(WeightsError) as error:
        held({"a": torch.zeros(1).expand(10**9)}, PATH, 1000)
    assert str(error.value) == (
        "weights: net.pth is refused: its tensors are larger than the published ones.\n"
        f"  path     /x/net.pth\n  tensors  4,000,000,000 bytes\n  most     1,000 bytes\n{WAY_OUT}"
    )
