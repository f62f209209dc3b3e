"""A network as its paper's table: a row a stage, and what the stage consists of."""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from typing import ClassVar, Final

from jaxtyping import Float
from torch import Tensor, nn

from striate.errors import StriateError
from striate.models.summary import Row, Summary, summary
from striate.nn import Classifier, PadShortcut, ProjectionShortcut

__all__ = ["Outline", "outline"]


class Outline(Summary):
    """A row a stage, in the order in which they run; a row's kind is what the stage consists of.

    Written as in the papers: `7x7, 64, stride 2` is a convolution with 64 kernels, `[3x3, 64; 3x3, 64] x 2` are two
    blocks of two convolutions each, and a stride after the bracket is the first block's. Shortcuts, normalisation by
    batches and rectification are not written.
    """

    heads: ClassVar[tuple[str, str]] = ("stage", "consists of")


def outline(network: Classifier, input_size: Sequence[int]) -> Outline:
    """Write down every stage of `network` for one image of `input_size`.

    Args:
        network: A network that lists its stages; it is left as it is, as by `summary`.
        input_size: `C H W`, in input samples.

    Raises:
        OptionError: `input_size` is not three positive whole numbers.
        ShapeError: The network cannot take an image of that size.

    Example:
        >>> from striate.models import LeNet5
        >>> print(outline(LeNet5(), (1, 32, 32)))
        stage   consists of                   output  parameters  multiply-adds     sees
        C1      5x5, 6                   6 x 28 x 28         156        117,600    5 x 5
        S2      2x2 max pool, stride 2   6 x 14 x 14           0              0    6 x 6
        C3      5x5, 16                 16 x 10 x 10       2,416        240,000  14 x 14
        S4      2x2 max pool, stride 2    16 x 5 x 5           0              0  16 x 16
        C5      5x5, 120                 120 x 1 x 1      48,120         48,000  32 x 32
        F6      84-d fc                           84      10,164         10,080      all
        output  10-d fc                           10         850            840      all
        total   LeNet5                                    61,706        416,520
    """
    try:
        found = summary(_Marked(network), input_size)
    except StriateError:
        summary(network, input_size)  # says it of the network, by its own name
        raise
    rows: list[Row] = []
    inside: list[Row] = []
    ends = iter(network.stages())
    for row in found.rows:
        if row.name.startswith("ends."):
            rows.append(_stage(next(ends), inside, row, network))
            inside = []
        else:
            inside.append(row)
    # What a module uses itself, without a layer, is listed last: it belongs to the stage that the module is.
    own = {end.name: [row for row in inside if row.name.split(".")[1] == end.name] for end in rows}
    rows = [replace(end, parameters=end.parameters + sum(row.parameters for row in own[end.name])) for end in rows]
    rest = [row for row in inside if all(row not in of for of in own.values())]
    left = [_stage("unused", rest, rest[-1], network)] if rest else []
    return Outline(type(network).__name__, found.input_size, (*rows, *left))


class _Marked(nn.Module):
    """A network with a layer after each stage that does nothing, and so has a row where the stage ends."""

    def __init__(self, network: Classifier) -> None:
        super().__init__()
        self.network = network
        self.ends = nn.ModuleList(nn.Identity() for _ in network.stages())

    def forward(self, x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N classes"]:
        for stage, end in zip(self.network.stages().values(), self.ends, strict=True):
            x = end(stage(x))
        return x


def _stage(name: str, rows: Sequence[Row], end: Row, network: Classifier) -> Row:
    parameters, multiply_adds = sum(row.parameters for row in rows), sum(row.multiply_adds for row in rows)
    around = {path for path, m in network.named_modules() if isinstance(m, PadShortcut | ProjectionShortcut)}
    listed = [row for row in rows if _said(row) and not around.intersection({_path(row), _owner(row)})]
    return Row(name, _consists_of(listed), end.output_shape, parameters, multiply_adds, end.receptive_field)


def _consists_of(rows: Sequence[Row]) -> str:
    """Write layers as the papers do: those of a block in brackets, blocks that are alike once."""
    blocks = [list(block) for _, block in groupby(rows, _owner)]
    alike = [list(same) for _, same in groupby(blocks, lambda block: [_said(row, stride=False) for row in block])]
    parts: list[str] = []
    for first, *others in alike:
        if others or (len(blocks) > 1 and len(first) > 1):
            strides = [stride for row in first for stride in re.findall(r" (/\S+)", row.kind)]
            inner = "; ".join(_said(row, stride=False) for row in first)
            parts.append(f"[{inner}] x {1 + len(others)}" + "".join(map(_more, strides)))
        else:
            parts += [_said(row) for row in first]
    return "; ".join(parts)


# kind, in small letters: how a paper writes it; nothing for what papers leave out.
_FORMS: Final = {
    r"conv\dd": "{window}, {channels}{more}",
    r"max_?pool\dd": "{window} max pool{more}",
    r"avg_?pool\dd": "{window} average pool{more}",
    r"adaptive_?avg_?pool\dd": "average pool",
    r"linear|matmul": "{channels}-d fc",
    r"localresponsenorm": "response norm",
    r"localcontrastnorm": "contrast norm",
    r"dropout\d?d?": "dropout",
    r"batchnorm\dd|relu|flatten|identity|.*tanh": "",
}


def _said(row: Row, *, stride: bool = True) -> str:
    """Write one layer, as in `3x3 max pool, stride 2`; what no paper has a word for, by its kind."""
    kind, window, rest = re.fullmatch(r"(\S+)(?: (\d\S*))?(.*)", row.kind).groups()  # pyright: ignore[reportOptionalMemberAccess]
    more = "".join(_more(word) for word in re.findall(r"/\S+|[a-z]+ \S+", rest) if stride or word[0] != "/")
    form = next((form for pattern, form in _FORMS.items() if re.fullmatch(pattern, kind.lower())), row.kind)
    return form.format(window=window, channels=(*row.output_shape, 0)[0], more=more)


def _more(word: str) -> str:
    return f", stride {word[1:]}" if word[0] == "/" else f", {word}"


def _path(row: Row) -> str:
    return row.name.removeprefix("network.")


def _owner(row: Row) -> str:
    """Name the module that a layer is part of, or that an operation runs in."""
    return _path(row) if row.kind[:1].islower() else _path(row).rpartition(".")[0]
