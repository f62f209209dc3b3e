"""ops: the calls with which PyTorch tests its own functions, taken as they are, agree or are refused alike."""

from itertools import islice

import pytest
import torch
from torch.testing._internal.common_methods_invocations import op_db

from striate import ops
from striate.errors import StriateError

FAMILIES = {
    "conv": ["conv{}d", "conv_transpose{}d"],
    "pool": ["max_pool{}d", "avg_pool{}d", "adaptive_avg_pool{}d", "adaptive_max_pool{}d"],
    "unpool": ["max_unpool{}d"],
}
NAMES = {kind: [name.format(rank) for name in names for rank in (1, 2, 3)] for kind, names in FAMILIES.items()}
ALIKE = [*NAMES["conv"], *NAMES["pool"], "local_response_norm"]
# PyTorch has two sets of samples for unpooling, and none for lp_pool: of that, those of its layers are in tests/nn.
INFOS = {name: [info for info in op_db if info.name == f"nn.functional.{name}"] for name in [*ALIKE, *NAMES["unpool"]]}
DTYPES = [torch.float64, torch.float32, torch.bfloat16, torch.float16, torch.complex64, torch.int64]

# What is not as in PyTorch, by function, and why.
STRIDED_SAME = "padding='same' is not supported for strided"  # conv: it has a meaning ('same' is by size), and is given
# Of two-byte numbers ours is the answer of float32, rounded; PyTorch rounds at every step.
ROUNDED_ONCE = ("local_response_norm", "adaptive_avg_pool3d")
KEEPS_ONE = "last"  # max_unpool: of positions that name one sample PyTorch keeps any; ours adds them up unless told


def calls(name, dtype):
    """The samples that PyTorch has: their arguments, and what PyTorch answers.

    Of max pooling's thousands every one in float32, and every seventh in other numbers.
    """
    step = 7 if name.startswith("max_") and dtype is not torch.float32 else 1
    for info in INFOS[name]:
        for sample in islice(info.sample_inputs("cpu", dtype), 0, None, step):
            x = sample.input.float() if name in ROUNDED_ONCE and dtype.itemsize == 2 else sample.input
            want = info.op(x, *sample.args, **sample.kwargs)
            yield (sample.input, *sample.args), sample.kwargs, want if x is sample.input else want.to(dtype)


def known(names):
    """The functions, each with the kinds of numbers that PyTorch's takes."""
    rows = [(name, dtype) for name in names for dtype in DTYPES if INFOS[name][0].supports_dtype(dtype, "cpu")]
    return pytest.mark.parametrize(("name", "dtype"), rows, ids=[f"{name} {dtype}" for name, dtype in rows])


def refused(name):
    """Every call that PyTorch refuses, with its message."""
    for info in INFOS[name]:
        # Of some functions PyTorch has no such calls, and then asking is an error.
        for case in info.error_inputs("cpu") if vars(info)["error_inputs_func"] else ():
            yield case.sample_input, case.error_regex


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")  # PyTorch's own, about its copy
@known(ALIKE)
def test_the_same_calls_give_the_same(name, dtype):
    """Every sample, in every kind of number: PyTorch's answer, and its switches."""
    for args, kwargs, want in calls(name, dtype):
        got = getattr(ops, name)(*args, **kwargs)
        torch.testing.assert_close(got, want)


@known(NAMES["unpool"])
def test_unpooling_gives_the_same(name, dtype):
    """With 'last' everywhere, on one thread; as it is where no index occurs twice."""
    unpool, rank, alone = getattr(ops, name), int(name[-2]), 0
    for (x, indices, *args), kwargs, want in calls(name, dtype):
        assert unpool(x, indices, *args, **kwargs, overlap=KEEPS_ONE).equal(want)
        if all(row.unique().numel() == row.numel() for row in indices.flatten(-rank).flatten(0, -2)):
            alone += 1
            assert unpool(x, indices, *args, **kwargs).equal(want)
    assert alone


@pytest.mark.refusal
@pytest.mark.parametrize("name", [name for name in INFOS if any(refused(name))])
def test_what_pytorch_refuses_is_refused(name):
    """Every error input, as one of our errors, by the name of the function; what is ours to give is given."""
    for sample, message in refused(name):
        if STRIDED_SAME in message:
            got = getattr(ops, name)(sample.input, *sample.args, **sample.kwargs)
            assert got.shape[2:] == tuple(-(-n // sample.kwargs["stride"]) for n in sample.input.shape[2:])
            continue
        with pytest.raises(StriateError, match=f"^{name}: "):
            getattr(ops, name)(sample.input, *sample.args, **sample.kwargs)
