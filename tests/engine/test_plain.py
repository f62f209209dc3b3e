"""engine.plain: what the core may read, and when."""

import pytest
import torch
from torch.autograd import forward_ad
from torch.func import grad
from torch.utils.flop_counter import FlopCounterMode

from striate.engine.plain import lies_last, plain, unwatched

ONES = torch.ones(2, 3)

NOT_PLAIN = {
    "double": lambda: ONES.double(),
    "half": lambda: ONES.half(),
    "meta": lambda: ONES.to("meta"),
    "sparse": lambda: ONES.to_sparse(),
    "subclass": lambda: ONES.as_subclass(type("Mine", (torch.Tensor,), {})),
    "negated view": lambda: (ONES + 1j).conj().imag,
    "to be sized": lambda: torch.nn.UninitializedParameter(),
}


@pytest.mark.parametrize("kind", NOT_PLAIN)
def test_other_tensors_are_not_plain(kind):
    """Their numbers do not stand in memory as 32-bit floats, or mean something else."""
    assert not plain(NOT_PLAIN[kind]())


def test_plain_tensors_are_plain():
    """Whatever their steps, parameters and buffers too."""
    for tensor in (ONES, ONES.T, ONES[:, ::2], torch.nn.Parameter(ONES), torch.nn.Buffer(ONES)):
        assert plain(tensor)


def test_transforms_and_modes_are_noticed():
    """Each of them wants to see PyTorch's operators."""
    seen = {}

    def look(name, x):
        seen[name] = unwatched()
        return x

    grad(lambda x: look("grad", x))(torch.tensor(1.0))
    torch.vmap(lambda x: look("vmap", x))(ONES)
    with FlopCounterMode(display=False):
        look("dispatch mode", ONES)
    with torch.device("meta"):
        look("function mode", ONES)
    with forward_ad.dual_level():
        look("forward mode", ONES)
    assert seen == dict.fromkeys(seen, False)
    assert unwatched()


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (1, 8, 3, 3), (4, 1, 3, 3)])
@pytest.mark.parametrize("which", [(False, False), (True, False), (False, True), (True, True)])
def test_results_lie_as_pytorchs(shape, which):
    """Channels last if the input or the weight has them there."""
    tensors = [torch.randn(shape), torch.randn(6, shape[1], 2, 2)]
    tensors = [t.to(memory_format=torch.channels_last) if last else t for t, last in zip(tensors, which, strict=True)]
    output = torch.nn.functional.conv2d(*tensors)
    layout = torch.channels_last if lies_last(*tensors) else torch.contiguous_format
    assert output.is_contiguous(memory_format=layout)
