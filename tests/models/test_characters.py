"""models.characters: ten drawings that can be told apart, and codes for other classes."""

import itertools

import pytest
import torch

from striate.models.characters import DIGITS, HEIGHT, WIDTH, codes


def test_ten_digits_of_seven_by_twelve_points():
    """Of ink or of none."""
    assert len(DIGITS) == 10
    for digit in DIGITS:
        rows = digit.split("\n")
        assert [len(row) for row in rows] == [WIDTH] * HEIGHT
        assert set(digit) == {"#", ".", "\n"}


def test_ink_is_one():
    """Row by row: the first of 1's rows of ink is the middle point, its last the foot."""
    code = torch.tensor(codes(10)[1]).reshape(HEIGHT, WIDTH)
    assert code[0].tolist() == [-1, -1, -1, 1, -1, -1, -1]
    assert code[-1].tolist() == [-1, 1, 1, 1, 1, 1, -1]


def test_a_nine_is_a_six_turned_round():
    """The drawings are drawn with one hand."""
    six, nine = (torch.tensor(codes(10)[digit]).reshape(HEIGHT, WIDTH) for digit in (6, 9))
    assert (six != nine.flip(0, 1)).sum() <= 10


@pytest.mark.parametrize(("classes", "least"), [(10, 8), (2, 21), (26, 21), (1000, 21)])
def test_no_two_codes_are_near(classes, least):
    """They differ in many places; the most alike of the digits are 3 and 8."""
    found = torch.tensor(codes(classes))
    assert found.shape == (classes, 84)
    assert found.square().eq(1).all()
    differ = (84 - found @ found.T) // 2 + 84 * torch.eye(classes, dtype=torch.long)
    assert differ.min() >= least
    if classes == 10:
        assert divmod(differ.argmin().item(), 10) == (3, 8)


def test_a_class_s_code_does_not_depend_on_how_many_there_are():
    """Classes that are added leave the others as they were; the digits are a case of their own."""
    assert codes(11)[:7] == codes(7)
    assert codes(1000)[:11] == codes(11)
    assert all(a != b for a, b in itertools.product(codes(10), codes(11)))


def test_codes_never_change():
    """A saved network is compared with the same ones for ever."""
    assert "".join("-+"[bit > 0] for bit in codes(2)[0])[:24] == "+--+-++-++-++++++++-++--"
