"""What looking into networks costs, and what randomised weights leave of each method's pictures.

The strongest activations of all feature maps of all convolutions of ResNet-20, over all digits, and their views; one
view of a unit in AlexNet's conv5, captured and not yet captured.

Run: python -m bench.explain [--turns 5] [--threads 2]
"""

import resource
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from bench.harness import record_rows
from bench.layers import asked
from striate import DataOptions, create, open_dataset
from striate.errors import StriateError
from striate.explain import (
    METHODS,
    Explanation,
    Network,
    Pictures,
    TopActivations,
    capture,
    deconvnet,
    sanity,
    top_activations,
    views,
)

COLUMNS = ["what", "seconds, median", "quartiles", "held to", "greatest memory, MB"]
SANITY = ["method", *(f"{net}, {when}" for net in ("LeNet-5", "ResNet-20") for when in ("output", "half", "all"))]


def main() -> None:
    """Search and show the digits first: memory is the process's greatest so far."""
    options = asked(turns=5)
    threads = max(options.threads)
    torch.set_num_threads(threads)
    rows = [*of_the_digits(), *of_alexnet(options.turns)]
    record_rows("explain", "Looking into networks.", COLUMNS, rows, threads=threads)
    torch.set_num_threads(1)
    what = (
        "What randomised weights leave of the pictures of nine digits: rank correlation of sizes with the trained "
        "network's pictures, when the output's weights are shuffled, the upper half's, and all. 1: nothing changed."
    )
    record_rows("explain-sanity", what, SANITY, [sane(name) for name in METHODS], threads=1)


def of_the_digits() -> list[list[str]]:
    """Time the search over a whole data set, and the views of all that it finds."""
    network, pictures = trained("resnet20")
    found: list[TopActivations] = []
    search = timed(lambda: found.append(top_activations(network, pictures)), 1)
    refuse_wrong(network, pictures, found[0])
    name = f"top 9 of {sum(at.shape[0] for at in found[0].layers.values()):,} maps over {len(pictures):,} digits"
    rows = [[f"ResNet-20: {name}", *search, "120 s, 1,000 MB", memory()]]
    shown: list[int] = []
    look = timed(
        lambda: shown.extend(view.rank for at in found[0].layers for view in views(network, pictures, found[0], at)), 1
    )
    return [*rows, [f"ResNet-20: their {len(shown):,} views", *look, "", memory()]]


def of_alexnet(turns: int) -> list[list[str]]:
    """Time one view of the strongest unit of conv5."""
    model, image = create("alexnet"), torch.rand(1, 3, 227, 227)
    network = capture(model, image)
    view = timed(lambda: deconvnet(network, image, "conv5"), turns)
    again = timed(lambda: capture(model, image), turns)
    return [
        ["AlexNet: a view of conv5", *view, "1 s", memory()],
        ["AlexNet: capture, once", *again, "", memory()],
    ]


def sane(method: str) -> list[str]:
    """Check one method on both networks."""
    row = [method]
    for name in ("lenet5", "resnet20"):
        network, pictures = trained(name)
        images = pictures[list(range(0, len(pictures), len(pictures) // 9))][:9]
        classes = network.run(images)[0].argmax(1)
        likeness = sanity(network, images, fixed(method, classes)).similarity
        row += [f"{likeness[place]:.2f}" for place in (0, len(likeness) // 2 - 1, -1)]
    return row


def fixed(method: str, classes: Tensor) -> Callable[[Network, Tensor], Explanation]:
    """Explain the same classes every time."""
    if method != "deconvnet":
        few: dict[str, Any] = {"integrated_gradients": {"steps": 20}, "smooth_grad": {"samples": 20}}.get(method, {})
        return lambda network, images: METHODS[method](network, images, classes, **few)

    def each(network: Network, images: Tensor) -> Explanation:
        found = [deconvnet(network, images[i : i + 1], None, int(c)) for i, c in enumerate(classes)]
        values, scores = (torch.cat([getattr(one, part) for one in found]) for part in ("values", "score"))
        return Explanation("deconvnet", values, "classes", scores, found[0].reading)

    return each


def trained(name: str) -> tuple[Network, Pictures]:
    """Capture one of our own networks; and all digits as it takes them."""
    model = create(name, weights="digits").eval()
    size = (32, 32) if name == "lenet5" else (16, 16)
    pictures = Pictures(list(open_dataset("digits", DataOptions(image_size=size)).parts.values()))
    return capture(model, pictures[[0]]), pictures


def refuse_wrong(network: Network, pictures: Pictures, found: TopActivations) -> None:
    """Compare what was found in one layer with what looking at every image finds."""
    maps = network.values(pictures[list(range(len(pictures)))], ["stage3.2.conv2"])["stage3.2.conv2"]
    values = maps.flatten(2).amax(2).topk(9, dim=0).values.T
    if not torch.allclose(values, found.found["stage3.2.conv2"][0], rtol=1e-4, atol=1e-4):
        raise StriateError("explain: the strongest activations are others.", "Mend the search.")


def timed(work: Callable[[], object], turns: int) -> list[str]:
    """Give the median and the quartiles of several turns; of one, its time."""
    seconds: list[float] = []
    for _ in range(turns):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    low, middle, high = torch.tensor(seconds).quantile(torch.tensor([0.25, 0.5, 0.75])).tolist()
    return [f"{middle:.2f}", f"{low:.2f} to {high:.2f}" if turns > 1 else ""]


def memory() -> str:
    """Say how much memory the process has had at most, in MB."""
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000:,.0f}"


if __name__ == "__main__":
    main()
