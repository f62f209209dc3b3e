"""What one call costs beyond its arithmetic: a 3x3 convolution of a 1x8x8x8 input, ours against `torch.conv2d`.

`engine.conv2d` is the engine's own; `ops.conv2d` checks more, and says more where something is wrong.

Each turn is a hundred calls.

Run: python -m bench.call_overhead [--turns 61]
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from bench.harness import compare, record_rows
from bench.layers import asked, close
from striate import engine, ops

CALLS, MOST_MICROSECONDS = 100, 15.0
COLUMNS = ["what", "layout", "engine.conv2d, µs", "ops.conv2d, µs", "torch.conv2d, µs", "engine's more, µs", "held to"]


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
            tensors = [t.detach().clone(memory_format=torch.preserve_format) for t in (x, weight)]
            for tensor in tensors:
                tensor.requires_grad_(gradients)
            candidates = {
                "engine": partial(hundred, partial(way, engine.conv2d, *tensors)),
                "ops": partial(hundred, partial(way, ops.conv2d, *tensors)),
                "torch": partial(hundred, partial(way, torch.conv2d, *tensors)),
            }
            verify = partial(close, candidates["torch"]().detach())
            result = compare("call-overhead", candidates, what=what, verify=verify, n=n, threads=1)
            ours, checked, torchs = (result.spread(c).median / CALLS * 1e6 for c in ("engine", "ops", "torch"))
            held_to = f"{MOST_MICROSECONDS:.0f} {'reached' if ours - torchs <= MOST_MICROSECONDS else 'missed'}"
            held = "" if way is there_and_back else held_to
            rows.append([what, name, f"{ours:.1f}", f"{checked:.1f}", f"{torchs:.1f}", f"{ours - torchs:.1f}", held])
    what = f"One call of a 3x3 convolution, 8 to 8 channels, on a 1x8x8x8 input, eager; {n} turns of a hundred."
    record_rows("call-overhead", what, COLUMNS, rows, threads=1)


if __name__ == "__main__":
    main()
