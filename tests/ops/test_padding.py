"""ops.padding: what lies beyond the border, and the way back."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from striate.errors import OptionError
from striate.ops.padding import PADDING_MODES, check_mode, pad, pad_adjoint

SIDES = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=3)


@given(SIDES, st.sampled_from(list(PADDING_MODES)))
def test_the_way_back_is_the_adjoint(sides, mode):
    """<pad(x), y> = <x, pad_adjoint(y)>: each added sample's gradient goes to where it was taken from."""
    sides = tuple(sides)
    x = torch.randn(2, 1, *(4 + i for i in range(len(sides))), dtype=torch.float64)
    padded = pad("test", x, sides, mode)
    y = torch.randn_like(padded)
    back = pad_adjoint(y, x.shape[2:], sides, mode)
    torch.testing.assert_close((padded * y).sum(), (x * back).sum())


@given(SIDES, st.sampled_from(list(PADDING_MODES)))
def test_nothing_to_add_changes_nothing(sides, mode):
    """No copy is made where no side is padded."""
    x = torch.randn(1, 1, *(4 for _ in sides))
    assert pad("test", x, ((0, 0),) * len(sides), mode) is x


def test_the_way_back_can_be_differentiated():
    """The adjoint of the adjoint is the padding itself."""
    y = torch.randn(1, 1, 7, dtype=torch.float64, requires_grad=True)
    for mode in PADDING_MODES:
        torch.autograd.gradcheck(lambda y, mode=mode: pad_adjoint(y, (4,), ((1, 2),), mode), y)


@pytest.mark.refusal
def test_a_mode_without_a_meaning_is_refused():
    """The message lists those that exist."""
    with pytest.raises(OptionError) as error:
        check_mode("test", "constant")
    assert str(error.value) == (
        "test: no padding mode is called 'constant'.\nChoose one of 'zeros', 'reflect', 'replicate', 'circular'."
    )
