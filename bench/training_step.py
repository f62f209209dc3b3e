"""A step of training, forward, loss and backward: a model on the engine against the same model on PyTorch alone.

The optimiser's step is not timed, but a weight is marked as changed before each, so that ours prepares it anew.

Run: python -m bench.training_step [--turns 7] [--threads 1 2]
"""

import copy
from collections.abc import Callable
from functools import partial
from itertools import product

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import striate
from bench.harness import compare, record_rows
from bench.layers import FIRST, LAST, LAYOUTS, OURS, asked, close, milliseconds, network

STEPS = [("resnet18", 8, 2.0), ("vgg16", 2, 2.0), ("resnet50", 4, 1.5)]
# Rounding grows on its way through normalised layers and back: of ResNet-18's first gradient, PyTorch's two layouts lose
# 0.15 % and 0.4 %, direct sums of ours 0.4 %, and all algorithms of the default class 0.7 %.
PART = 0.03
COLUMNS = ["network", "batch", "threads", "engine, ms", "channels_last, ms", "contiguous, ms", "speed-up", "held to"]


def step(model: nn.Module, x: Tensor, labels: Tensor) -> Tensor:
    """Go forward and back; give the gradient that has come the whole way."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.grad = None
            parameter.add_(0.0)  # a new version, the same numbers
    F.cross_entropy(model(x), labels).backward()
    gradient = next(model.parameters()).grad
    return torch.empty(0) if gradient is None else gradient


def main() -> None:
    """Time the three networks, with one thread and with two."""
    options, rows = asked(turns=7), list[list[str]]()
    n: int = options.turns
    counts: list[int] = options.threads
    for (name, batch, wanted), threads in product(STEPS, counts):
        torch.manual_seed(0)
        model = network(name).train()
        for module in model.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0  # the same sums in all three
        x, labels = torch.randn(batch, 3, 224, 224), torch.arange(batch)
        ours = striate.accelerate(copy.deepcopy(model))
        candidates: dict[str, Callable[[], Tensor]] = {}
        for key, net, layout in (
            (OURS, ours, LAST),
            (LAYOUTS[0], copy.deepcopy(model), LAST),
            (LAYOUTS[1], model, FIRST),
        ):
            net.to(memory_format=layout)  # pyright: ignore[reportCallIssue]
            candidates[key] = partial(step, net, x.contiguous(memory_format=layout), labels)
        want = candidates[LAYOUTS[1]]().clone()
        what = f"{name}, batch {batch}"
        result = compare(
            "training-step", candidates, what=what, verify=partial(close, want, part=PART), n=n, threads=threads
        )
        better = min(LAYOUTS, key=lambda c, r=result: r.spread(c).median)
        up = result.ratio(better, OURS).median
        times = [milliseconds(result.spread(c).median) for c in (OURS, *LAYOUTS)]
        held = f"{wanted} {'reached' if up >= wanted else 'missed'}"
        rows.append([name, str(batch), str(threads), *times, f"{up:.2f}", held])
    what = f"A step of training, forward, loss and backward, at 224x224: against PyTorch's better layout; {n} turns."
    record_rows("training-step", what, COLUMNS, rows, threads=2)


if __name__ == "__main__":
    main()
