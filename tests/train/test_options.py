"""train.options: every setting says its range, and is held to it."""

import dataclasses
import math

import pytest

from striate.errors import OptionError
from striate.train import TrainOptions

COUNT, COUNT_OR_0 = "a whole number from 1", "a whole number from 0"
AMOUNT, BELOW_1 = "a number from 0", "a number from 0 to below 1"
PARTS = "parts of the training, rising, each from 0 to 1"
NAN, HUGE = math.nan, 2**31

# Setting, what the message says of it, the last values that are right, the first that are wrong.
RANGES = [
    ("epochs", COUNT, (1, HUGE - 1), (0, -1, HUGE, 1.0, "3", None)),
    ("batch_size", COUNT, (1, HUGE - 1), (0, -1, HUGE, 1.5)),
    ("accumulate", COUNT, (1,), (0, 0.5)),
    ("optimizer", "one of: sgd, adamw", ("sgd", "adamw"), ("adam", "SGD", None)),
    ("learning_rate", AMOUNT, (0, 1e-9, 3.0), (-1e-9, NAN, math.inf, "0.1")),
    ("momentum", BELOW_1, (0, 0.999), (1, -0.1, NAN)),
    ("weight_decay", AMOUNT, (0, 1.0), (-1e-9, NAN)),
    ("schedule", "one of: constant, step, cosine, plateau", ("constant", "step", "cosine", "plateau"), ("linear",)),
    ("warmup_epochs", AMOUNT, (0, 0.5, 100), (-1, NAN)),
    (
        "milestones",
        PARTS,
        ((), (0.0, 1.0), (0.5, 0.5)),
        ((0.7, 0.5), (1.1,), (-0.1,), (NAN,), ("a",), (0.5, "a"), [0.5], 0.5),
    ),
    ("plateau_epochs", COUNT, (1, 9), (0, 0.5)),
    ("label_smoothing", BELOW_1, (0, 0.99), (1, -0.1)),
    ("class_weights", "one of: none, balanced", ("none", "balanced"), (None, (1.0, 2.0))),
    ("clip_norm", AMOUNT, (0, 5.0), (-1.0, NAN)),
    ("precision", "one of: fp32, bf16", ("fp32", "bf16"), ("fp16",)),
    ("filter_rms", AMOUNT, (0, 0.1), (-0.1, NAN)),
    ("average_decay", BELOW_1, (0, 0.9999), (1, 1.0, -0.1)),
    ("patience", COUNT_OR_0, (0, 5), (-1, 0.5)),
    ("seed", "a whole number of 64 bits", (0, -(2**63), 2**63 - 1), (2**63, -(2**63) - 1, 0.5, None)),
    ("max_skips", COUNT_OR_0, (0,), (-1,)),
    ("overfit", COUNT_OR_0, (0, 1), (-1,)),
    ("weights", "a name or a path", ("", "digits"), (None, 3)),
    ("freeze", "names of stages", ((), ("conv1", "stage1")), (None, "conv1", ["conv1"], (1,))),
    ("layer_decay", "a number above 0, up to 1", (1, 1e-9), (0, -0.1, 1.1, NAN)),
]


def test_the_table_is_complete():
    """Every setting is in the table above."""
    assert [row[0] for row in RANGES] == [field.name for field in dataclasses.fields(TrainOptions)]


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, _, right, _ in RANGES for value in right])
def test_the_range_s_ends_are_taken(name, value):
    """The last right value on each side is kept as it is."""
    assert getattr(TrainOptions(**{name: value}), name) == value


@pytest.mark.refusal
@pytest.mark.parametrize(
    ("name", "said", "value"), [(name, said, value) for name, said, _, wrong in RANGES for value in wrong]
)
def test_a_value_out_of_range_is_refused(name, said, value):
    """The message names the setting, the value and the range."""
    with pytest.raises(OptionError) as error:
        TrainOptions(**{name: value})
    assert str(error.value) == f"train: {name} is out of range.\n  {name}  {value!r}\nPass {said}."


def test_options_do_not_change():
    """They can be shared without care."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainOptions().epochs = 3  # type: ignore[misc]
