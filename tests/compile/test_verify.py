"""A program that does not answer as the model does is an error."""

import pytest
import torch

from striate.compile.verify import verify
from striate.errors import StriateError

X = torch.arange(1.0, 5.0)


def test_answers_within_the_tolerance_are_right():
    """The largest difference is told, against the largest number; undefined numbers are equal."""
    assert verify(lambda x: [x], lambda x: [x], [X]) == 0
    assert 0 < verify(lambda x: [x * (1 + 1e-6)], lambda x: [x], [X]) < 1e-5
    assert verify(lambda x: [x / 0], lambda x: [x / 0], [torch.tensor([0.0, 1.0])]) == 0
    assert verify(lambda x: [x + 5e-4], lambda x: [x], [X], accuracy="fast", random=0) > 1e-4


@pytest.mark.refusal
def test_a_wrong_answer_is_an_error():
    """To the example, to random inputs, of another size, undefined where the model is not."""
    with pytest.raises(StriateError) as wrong:
        verify(lambda x: [x + 1], lambda x: [x], [X])
    assert str(wrong.value) == (
        "compile: the program does not answer as the model does.\n"
        "  inputs        the example\n"
        "  difference    0.25 of the largest number\n"
        "  tolerance     0.0001\n"
        "  accuracy      default\n"
        "  sizes_got     [(4,)]\n"
        "  sizes_wanted  [(4,)]\n"
        "Compile with accuracy='exact'; if it is the same there, report it, with the model."
    )
    with pytest.raises(StriateError, match="random ones, seed 0, draw 1"):
        verify(lambda x: [x], lambda x: [x.clamp(min=0)], [X])
    for other in (lambda x: [x[:2]], lambda x: [x, x], lambda x: [x / 0 * 0]):
        with pytest.raises(StriateError):
            verify(other, lambda x: [x], [X])
