"""The characters that LeNet-5's outputs compare with: the ten digits, drawn on 7 x 12 points.

Source:
    The idea is LeCun et al. 1998, section II.B and figure 3, whose drawings of 95 characters look like those of a
    terminal of its time. These drawings are ours.
"""

from hashlib import shake_256
from typing import Final

__all__ = ["DIGITS", "HEIGHT", "WIDTH", "codes"]

HEIGHT: Final = 12
WIDTH: Final = 7

# Twelve rows of five digits, twice. Similar digits look alike, so that what is confused lies close together.
_DRAWN: Final = (
    """
    .#####. ...#... .#####. .#####. .....#.
    ##...## ..##... ##...## ##...## ....##.
    #.....# .###... #.....# #.....# ...###.
    #.....# ...#... ......# ......# ..##.#.
    #.....# ...#... .....## .....## .##..#.
    #.....# ...#... ....##. ..####. ##...#.
    #.....# ...#... ...##.. .....## #....#.
    #.....# ...#... ..##... ......# #######
    #.....# ...#... .##.... ......# .....#.
    #.....# ...#... ##..... #.....# .....#.
    ##...## ...#... #...... ##...## .....#.
    .#####. .#####. ####### .#####. .....#.
    """,
    """
    ####### ...###. ####### .#####. .#####.
    #...... ..##... ......# ##...## ##...##
    #...... .##.... ......# #.....# #.....#
    #...... ##..... .....## #.....# #.....#
    #...... #...... .....#. ##...## #.....#
    ######. #.####. ....##. .#####. ##...##
    .....## ###..## ....#.. ##...## .#####.
    ......# #.....# ...##.. #.....# ......#
    ......# #.....# ...#... #.....# .....##
    #.....# #.....# ..##... #.....# ....##.
    ##...## ##...## ..#.... ##...## ...##..
    .#####. .#####. ..#.... .#####. .###...
    """,
)
DIGITS: Final = tuple(
    "\n".join(digit) for half in _DRAWN for digit in zip(*map(str.split, half.split("\n")[1:-1]), strict=True)
)
"""Every digit as twelve lines of seven points: `#` is ink."""


def codes(classes: int) -> list[list[int]]:
    r"""Give each class a code of 84 numbers, 1 or -1.

    Args:
        classes: For 10, the codes are the drawn digits, row by row, where ink is 1. Nothing is known about what other
            classes look like: theirs are the first 84 bits of SHAKE-256 of the class's number, the same on every
            machine, of which two differ in about half of all places.

    Example:
        >>> print(DIGITS[7].replace("\n", " "))
        ####### ......# ......# .....## .....#. ....##. ....#.. ...##.. ...#... ..##... ..#.... ..#....
        >>> codes(10)[7][:8], len(codes(26)[0])
        ([1, 1, 1, 1, 1, 1, 1, -1], 84)
    """
    if classes == len(DIGITS):
        return [[1 if point == "#" else -1 for point in digit.replace("\n", "")] for digit in DIGITS]
    count = HEIGHT * WIDTH
    drawn = (int.from_bytes(shake_256(str(i).encode()).digest(count // 8 + 1)) for i in range(classes))
    return [[1 if number >> place & 1 else -1 for place in range(count)] for number in drawn]
