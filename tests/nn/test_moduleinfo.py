"""nn: the layers with which PyTorch tests its own, made and called as they are, agree."""

import pytest
import torch
from torch import nn as torch_nn
from torch.testing._internal.common_modules import module_db

from striate import nn

# Every layer that has a namesake in PyTorch, with samples there. LPPool's are here, not among those of functions.
INFOS = {info.name.removeprefix("nn."): info for info in module_db}
# The one difference: PyTorch raises a number itself to the power, not its absolute value, which is no norm, or NaN.
FED = {f"LPPool{rank}d": torch.abs for rank in (1, 2, 3)}
NAMES = sorted(name for name in nn.__all__ if name in INFOS)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")  # PyTorch's own, about its copy
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_a_rename_changes_nothing(name, dtype):
    """The same arguments and parameters give the same numbers and gradients."""
    info, samples = INFOS[name], 0
    for sample in info.module_inputs_func(info, device="cpu", dtype=dtype, requires_grad=False, training=True):
        made, called = sample.constructor_input, sample.forward_input
        theirs = getattr(torch_nn, name)(*made.args, **made.kwargs).to(dtype)
        ours = getattr(nn, name)(*made.args, **made.kwargs).to(dtype)
        ours.load_state_dict(theirs.state_dict())
        x, *others = called.args
        inputs = [FED.get(name, torch.clone)(x).requires_grad_() for _ in "12"]
        outs = [layer(y, *others, **called.kwargs) for layer, y in zip((ours, theirs), inputs, strict=True)]
        torch.testing.assert_close(*outs)
        values = [out[0] if isinstance(out, tuple) else out for out in outs]
        torch.testing.assert_close(
            *(torch.autograd.grad(v.square().sum(), y) for v, y in zip(values, inputs, strict=True))
        )
        samples += 1
    assert samples


def test_all_with_samples_are_among_them():
    """The convolutions, their transposes, the poolings and the normalisation."""
    kinds = ["AdaptiveAvgPool", "AdaptiveMaxPool", "AvgPool", "Conv", "ConvTranspose", "LPPool", "MaxPool"]
    assert {f"{kind}{rank}d" for kind in kinds for rank in (1, 2, 3)} | {"LocalResponseNorm"} <= set(NAMES)
