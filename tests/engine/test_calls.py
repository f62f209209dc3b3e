"""engine.calls: the same arguments are planned once; settings are understood, or it is said why not."""

import pytest
import torch

from striate.engine import limit, reproducible, use
from striate.engine.calls import call_for, keep, known, pair, sides
from striate.engine.conv2d import takes
from striate.engine.plan import forget
from striate.errors import OptionError, ShapeError

INPUT, WEIGHT = torch.Size((1, 4, 8, 8)), torch.Size((6, 4, 3, 3))


def call(stride=1, padding=0, dilation=1, groups=1, **more):
    options = {"channels_last": True} | more
    return call_for(INPUT, WEIGHT, (stride, padding, dilation, groups), **options)


def test_a_call_is_planned_once():
    """The same arguments give the same call; what is asked, allowed or remembered otherwise gives another."""
    first = call()
    assert call() is first
    assert call(bias=(6,)) is not first
    with reproducible():
        assert call() is not first
    with use("direct"):
        assert call() is not first
    before = limit(workspace_bytes=12345)
    try:
        assert call() is not first
    finally:
        limit(**before._asdict())
    assert call() is first
    forget()
    assert call() is not first


STEPS = (1, (1, 1), [1, 1], 1, False)


def pair_of(dtype=torch.float32, last=False, **more):
    layout = torch.channels_last if last else torch.contiguous_format
    x = torch.zeros(INPUT, dtype=dtype, **more).contiguous(memory_format=layout)
    return x, torch.zeros(WEIGHT, dtype=dtype, **more)


def test_what_is_kept_is_found_again():
    """By the same sizes, steps and settings, of other tensors as well; for whatever is different, nothing is."""
    first = call()
    keep(first, (*pair_of(), None, None), STEPS)
    assert known((*pair_of(), None, None), STEPS) is first
    x, weight = pair_of()
    others = [
        ((*pair_of(last=True), None, None), STEPS),
        ((*pair_of(torch.float64), None, None), STEPS),
        ((x, weight.requires_grad_(), None, None), STEPS),
        ((x, weight.detach(), torch.zeros(6), None), STEPS),
        ((x, weight.detach(), None, torch.zeros(6)), STEPS),
        ((x[:, :, 1:], weight.detach(), None, None), STEPS),
        *(((x, weight.detach(), None, None), (step, *STEPS[1:])) for step in (2, 1.0, True, (1, 1), "same", 10**30)),
    ]
    assert [known(*other) for other in others] == [None] * len(others)
    with use("direct"):
        assert known((*pair_of(), None, None), STEPS) is None
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(before + 1)
        assert known((*pair_of(), None, None), STEPS) is None
    finally:
        torch.set_num_threads(before)
    assert known((*pair_of(), None, None), STEPS) is first
    forget()
    assert known((*pair_of(), None, None), STEPS) is None


class Subclass(torch.Tensor):
    """A tensor that may mean something else by its numbers."""


def test_nothing_is_found_that_the_core_does_not_take():
    """Whatever else is kept: not for tensors of another kind, nor while somebody watches PyTorch's operators."""
    x, weight = pair_of()
    keep(call(), (x, weight, None, None), STEPS)

    def found(*tensors):
        answers = known((*tensors, None, None), STEPS) is not None, takes(*tensors)
        assert answers[0] == answers[1]
        return answers[0]

    assert found(x, weight)
    assert found(torch.nn.Parameter(x, requires_grad=False), torch.nn.Buffer(weight))
    for other in (x.as_subclass(Subclass), x.to("meta"), torch.ops.aten._neg_view(x), x.to_sparse(), x.half()):
        assert not found(other, weight)
    with torch.autocast("cpu"):
        assert not found(x, weight)
    with torch.utils._python_dispatch.TorchDispatchMode(), torch.no_grad():
        assert not found(x, weight)
    with torch.device("cpu"):
        assert not found(x, weight)
    with torch.autograd.forward_ad.dual_level():
        assert not found(x, weight)
    torch.vmap(lambda one: one * found(x, weight))(torch.ones(2))
    assert not torch.vmap(lambda one: one * found(x, weight))(torch.ones(2)).any()
    assert found(x, weight)


def test_threads_are_planned_for():
    """Another number of them, another call."""
    first, before = call(), torch.get_num_threads()
    try:
        torch.set_num_threads(before + 1)
        assert call().threads == before + 1
    finally:
        torch.set_num_threads(before)
    assert call() is first


def test_settings_may_be_lists():
    """They are the same as tuples, and found again."""
    assert call([1, 1], [1, 2], [1, 1]).problem == call((1, 1), (1, 2), (1, 1)).problem
    assert call([1, 1], [1, 2], [1, 1]) is call([1, 1], [1, 2], [1, 1])


def test_settings_of_any_class_are_found_again():
    """Sizes that are torch's, and numbers that are NumPy's."""
    assert call(torch.Size((2, 1)), torch.Size((1, 2))) is call(torch.Size((2, 1)), torch.Size((1, 2)))
    assert call(torch.Size((2, 1)), torch.Size((1, 2))).problem == call((2, 1), (1, 2)).problem
    assert call(torch.Size((2, 2)), "same") is None


def test_a_number_that_equals_a_size_is_none():
    """1.0 is refused after 1 as it was before it."""
    call(stride=1, groups=1)
    with pytest.raises(OptionError):
        call(stride=1.0)
    with pytest.raises(OptionError):
        call(groups=1.0)


def test_what_is_done_to_the_sums_is_planned():
    """An image that is added, and a rectification."""
    made = call(residual=(1, 6, 6, 6), relu=True)
    assert (made.problem.residual, made.problem.relu) == (True, True)
    assert made is not call(relu=True)
    assert made.bare.problem == call().problem


def test_padding_has_names():
    """'same' as PyTorch has it, the odd one last; 'valid' is none."""
    assert call(padding="same", dilation=2).problem.padding == (2, 2, 2, 2)
    assert sides("same", (6, 4, 4, 2), (1, 3)) == (1, 2, 1, 2)
    assert call(padding="valid").problem.padding == (0, 0, 0, 0)


def test_nothing_to_compute_is_pytorchs():
    """Empty tensors; and 'same' with a stride, which PyTorch refuses in its own words."""
    assert call_for((0, 4, 8, 8), WEIGHT, (1, 0, 1, 1), channels_last=True) is None
    assert call(stride=2, padding="same") is None


REFUSALS = {
    "three": (
        OptionError,
        lambda: pair("stride", (1, 2, 3)),
        "conv2d: stride is neither a whole number nor two of them.\n"
        "  stride  (1, 2, 3)\n"
        "Give one for both axes, or one for each.",
    ),
    "half": (
        OptionError,
        lambda: call(dilation=1.5),
        "conv2d: dilation is neither a whole number nor two of them.\n"
        "  dilation  1.5\n"
        "Give one for both axes, or one for each.",
    ),
    "name": (
        OptionError,
        lambda: call(padding="full"),
        "conv2d: no padding has this name.\n  padding  'full'\nChoose 'same' or 'valid'.",
    ),
    "bias": (
        ShapeError,
        lambda: call(bias=(4,)),
        "conv2d: bias does not fit the kernels.\n"
        "  bias    (4,)\n"
        "  weight  (6, 4, 3, 3)\n"
        "Pass one number for each: (6,).",
    ),
    "residual": (
        ShapeError,
        lambda: call(residual=(1, 6, 8, 8)),
        "conv2d: residual does not have the output's size.\n  residual  (1, 6, 8, 8)\nPass one of (1, 6, 6, 6).",
    ),
    "groups": (
        OptionError,
        lambda: call(groups=1.0),
        "conv2d: groups is no whole number.\n  groups  1.0\nGive one.",
    ),
    "a side": (
        OptionError,
        lambda: call(padding=(1, 1.5, 0, 0)),
        "conv2d: padding is no whole number.\n  padding  1.5\nGive one.",
    ),
    "negative": (
        ShapeError,
        lambda: call(padding=(1, -1)),
        "conv2d: padding is negative.\n"
        "  padding  (1, -1)\n"
        "Give 0 or more; to cut the input, say how much on each side: above, below, left, right.",
    ),
}


@pytest.mark.refusal
@pytest.mark.parametrize("what", REFUSALS)
def test_settings_that_are_nothing_are_explained(what):
    """The whole text."""
    kind, act, text = REFUSALS[what]
    with pytest.raises(kind) as error:
        act()
    assert str(error.value) == text
