"""ops: the calls with which PyTorch tests its own functions, taken as they are, agree or are refused alike."""

import pytest
import torch
from torch.testing._internal.common_methods_invocations import op_db

from striate import ops

NAMES = [f"{name}{rank}d" for name in ("conv", "conv_transpose") for rank in (1, 2, 3)]
INFOS = {info.name.removeprefix("nn.functional."): info for info in op_db if info.name.startswith("nn.functional.")}
DTYPES = [torch.float64, torch.float32, torch.bfloat16, torch.complex64, torch.int64]


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")  # PyTorch's own, about its copy
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_the_same_calls_give_the_same(name, dtype):
    """Every sample, in every kind of number: PyTorch's answer."""
    info = INFOS[name]
    for sample in info.sample_inputs("cpu", dtype):
        want = info.op(sample.input, *sample.args, **sample.kwargs)
        torch.testing.assert_close(getattr(ops, name)(sample.input, *sample.args, **sample.kwargs), want)


@pytest.mark.parametrize("name", ["conv1d", "conv2d", "conv3d"])
def test_what_pytorch_refuses_is_refused(name):
    """Every error input raises; only 'same' with a stride, which PyTorch lacks, is ours to give."""
    for case in INFOS[name].error_inputs("cpu"):
        sample = case.sample_input
        if "padding='same' is not supported for strided" in case.error_regex:
            continue
        with pytest.raises((ValueError, TypeError, RuntimeError)):
            getattr(ops, name)(sample.input, *sample.args, **sample.kwargs)
