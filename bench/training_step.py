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
# Rounding grows on the way back through normalised layers. Of the first layer's gradient in ResNet-50, with 4 images,
# PyTorch's two layouts lose 2 % and 4 %, and the engine 2 %; of the last layer's hardly anything.
FIRST_PART, LAST_PART = 0.15, 0.01
COLUMNS = ["network", "batch", "threads", "engine, ms", "channels_last, ms", "contiguous, ms", "speed-up", "held to"]


def step(model: nn.Module, x: Tensor, labels: Tensor) -> list[Tensor]:
    """Go forward and back; give the gradient that has come the whole way, and the one that has come no way."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.grad = None
            parameter.add_(0.0)  # a new version, the same numbers
    F.cross_entropy(model(x), labels).backward()
    gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    return [gradients[0], gradients[-1]]


def right(want: list[Tensor], got: list[Tensor]) -> bool:
    """Tell whether both gradients are right, to what rounding makes of them."""
    return close(want[0], got[0], FIRST_PART) and close(want[1], got[1], LAST_PART)


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
        candidates: dict[str, Callable[[], list[Tensor]]] = {}
        for key, net, layout in (
            (OURS, ours, LAST),
            (LAYOUTS[0], copy.deepcopy(model), LAST),
            (LAYOUTS[1], model, FIRST),
        ):
            net.to(memory_format=layout)  # pyright: ignore[reportCallIssue]
            candidates[key] = partial(step, net, x.contiguous(memory_format=layout), labels)
        want = [gradient.clone() for gradient in candidates[LAYOUTS[1]]()]
        what = f"{name}, batch {batch}"
        result = compare("training-step", candidates, what=what, verify=partial(right, want), n=n, threads=threads)
        better = min(LAYOUTS, key=lambda c, r=result: r.spread(c).median)
        up = result.ratio(better, OURS).median
        times = [milliseconds(result.spread(c).median) for c in (OURS, *LAYOUTS)]
        held = f"{wanted} {'reached' if up >= wanted else 'missed'}"
        rows.append([name, str(batch), str(threads), *times, f"{up:.2f}", held])
    what = f"A step of training, forward, loss and backward, at 224x224: against PyTorch's better layout; {n} turns."
    record_rows("training-step", what, COLUMNS, rows, threads=2)


if __name__ == "__main__":
    main()
