"""What one call costs beyond its arithmetic: a 3x3 convolution of a 1x8x8x8 input, ours against PyTorch's.

`engine.conv2d` is the engine's own; `ops.conv2d` checks more, and says more where something is wrong. Both are held to
`torch.conv2d`, and the layer, `nn.Conv2d`, to PyTorch's layer.

Each turn is a hundred calls.

Run: python -m bench.call_overhead [--turns 61]
"""

from collections.abc import Callable
from functools import partial
from operator import sub
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn

from bench.harness import Result, compare, record_rows
from bench.layers import asked, close
from striate import engine, ops
from striate.nn import Conv2d

CALLS, MOST_MICROSECONDS = 100, 15.0
# Each of ours, and what of PyTorch's it is held to.
RIVALS = {"engine.conv2d": "torch.conv2d", "ops.conv2d": "torch.conv2d", "nn.Conv2d": "torch.nn.Conv2d"}
NAMES = [*RIVALS, *dict.fromkeys(RIVALS.values())]
COLUMNS = ["what", "layout", *(f"{name}, µs" for name in NAMES), "most more, µs", "held to"]


def hundred(call: Callable[[], Tensor]) -> Tensor:
    """Call it a hundred times; give the last answer."""
    for _ in range(CALLS - 1):
        call()
    return call()


def there(convolve: Callable[..., Tensor], x: Tensor, weight: Tensor) -> Tensor:
    """Go forward."""
    return convolve(x, weight, padding=1)


def there_and_back(convolve: Callable[..., Tensor], x: Tensor, weight: Tensor) -> Tensor:
    """Go forward and back; give both gradients in one."""
    gradients = torch.autograd.grad(there(convolve, x, weight).sum(), (x, weight))
    return torch.cat([gradient.flatten() for gradient in gradients])


def layer(kind: Callable[..., Any], weight: nn.Parameter) -> Callable[..., Tensor]:
    """Make a layer with this weight, to be called as the functions are."""
    made = kind(8, 8, 3, padding=1, bias=False)
    made.weight = weight
    return lambda x, _weight, padding: made(x)


def beyond(result: Result, ours: str, torchs: str) -> float:
    """Give the microseconds by which a call of ours takes longer: the median of the differences, turn by turn."""
    return median(map(sub, result.seconds[ours], result.seconds[torchs])) / CALLS * 1e6


def main() -> None:
    """Time inference, recording for gradients, and forward with backward, in both layouts, with one thread."""
    n, rows = asked(turns=61).turns, list[list[str]]()
    for name, layout in (("channels_last", torch.channels_last), ("contiguous", torch.contiguous_format)):
        generator = torch.Generator().manual_seed(0)
        x = torch.randn(1, 8, 8, 8, generator=generator).contiguous(memory_format=layout)
        weight = torch.randn(8, 8, 3, 3, generator=generator)
        for what, way, gradients in (
            ("no gradients", there, False),
            ("with gradients, forward", there, True),
            ("with gradients, forward and backward", there_and_back, True),
        ):
            x = x.detach().clone(memory_format=torch.preserve_format).requires_grad_(gradients)
            weight = nn.Parameter(weight.detach().clone(), requires_grad=gradients)
            kinds = {"nn.Conv2d": layer(Conv2d, weight), "torch.nn.Conv2d": layer(nn.Conv2d, weight)}
            calls = {"engine.conv2d": engine.conv2d, "ops.conv2d": ops.conv2d, "torch.conv2d": torch.conv2d} | kinds
            candidates = {call: partial(hundred, partial(way, calls[call], x, weight)) for call in NAMES}
            verify = partial(close, candidates["torch.conv2d"]().detach())
            result = compare("call-overhead", candidates, what=what, verify=verify, n=n, threads=1)
            took = [result.spread(call).median / CALLS * 1e6 for call in NAMES]
            more = max(beyond(result, ours, torchs) for ours, torchs in RIVALS.items())
            held = f"{MOST_MICROSECONDS:.0f} {'reached' if more <= MOST_MICROSECONDS else 'missed'}"
            rows.append([what, name, *(f"{microseconds:.1f}" for microseconds in took), f"{more:.1f}", held])
    what = f"One call of a 3x3 convolution, 8 to 8 channels, on a 1x8x8x8 input, eager; {n} turns of a hundred."
    record_rows("call-overhead", what, COLUMNS, rows, threads=1)


if __name__ == "__main__":
    main()
