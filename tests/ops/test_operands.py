"""ops.operands: what fits passes, what does not is said in words."""

import pytest
import torch

from striate.errors import ShapeError
from striate.ops.geometry import Window
from striate.ops.operands import (
    add_bias,
    check_bias,
    check_groups,
    check_input,
    check_weight,
    chosen_size,
    lowered,
)


def test_what_fits_passes():
    """Every check is silent about operands of one convolution."""
    weight = torch.zeros(4, 2, 3, 3)
    check_groups("test", 2, in_channels=4, out_channels=8)
    check_weight("test", 2, weight, 2)
    check_input("test", 2, torch.zeros(4, 8, 8), weight, channels=4)
    for bias in (None, torch.zeros(4), torch.zeros(4, 6, 6), torch.zeros(4, 2, 3)):
        check_bias("test", bias, 4, (6, 6), dtype=torch.float32, tiles=(2, 3))


def test_bias_is_added_in_place():
    """No second output is made."""
    output = torch.zeros(2, 3, 4)
    assert add_bias(output, torch.arange(3.0), 1) is output
    assert output[:, 2].eq(2).all()
    assert add_bias(output, None, 1) is output


def test_a_size_that_is_asked_for_is_given():
    """Without a wish the smallest, with 'same' the largest."""
    window = Window.of("test", 1, kernel_size=3, stride=2)
    assert chosen_size("test", window, (4,)) == (9,)
    assert chosen_size("test", window, (4,), output_padding=1) == chosen_size("test", window, (4,), output_size=[10])
    same = Window.of("test", 1, kernel_size=3, stride=2, padding="same")
    assert chosen_size("test", same, (4,)) == (8,)
    assert chosen_size("test", same, (4,), output_size=(7,)) == (7,)


def test_nothing_is_converted_without_autocast():
    """Operands keep their dtype; float64 keeps it under autocast too."""
    x = torch.zeros(1)
    assert lowered(x, None)[0] is x
    with torch.autocast("cpu", torch.bfloat16):
        assert lowered(x.double())[0].dtype == torch.float64
        assert lowered(x)[0].dtype == torch.bfloat16


# (what is wrong, the call, the whole message)
REFUSALS = [
    (
        "no channels",
        lambda: check_groups("test", 1, in_channels=0),
        "test: in_channels is less than 1.\n  in_channels  0\nGive 1 or more.",
    ),
    ("no groups", lambda: check_groups("test", 0), "test: groups is less than 1.\n  groups  0\nGive 1 or more."),
    (
        "no numbers",
        lambda: check_weight("test", 1, torch.zeros(3, 0, 2), 1),
        "test: weight is empty.\n  weight  (3, 0, 2)\nPass at least one number.",
    ),
    (
        "kernels of another rank",
        lambda: check_weight("test", 1, torch.zeros(3, 1, 2), 1, tiles=1),
        "test: weight has 3 axes, and 4 are needed.\n  weight  (3, 1, 2)\nPass weight as (Q_kernels, K, C/groups, S).",
    ),
]


@pytest.mark.refusal
@pytest.mark.parametrize(("call", "message"), [r[1:] for r in REFUSALS], ids=[r[0] for r in REFUSALS])
def test_what_does_not_fit_is_refused(call, message):
    """The message names the rule, the values and the way out."""
    with pytest.raises(ShapeError) as error:
        call()
    assert str(error.value) == message
