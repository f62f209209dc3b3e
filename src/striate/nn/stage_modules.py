"""Which modules make up each stage of a network: found by running it."""

from collections.abc import Sequence

import torch

from striate.nn.classifier import Classifier
from striate.ops.dry_run import hollow

__all__ = ["stage_modules"]


def stage_modules(model: Classifier, input_size: Sequence[int]) -> dict[str, tuple[str, ...]]:
    """List the modules that each stage calls, by their dotted names, from one run without numbers.

    Args:
        model: It is left as it is.
        input_size: `(C, H, W)` of images that it takes, in pixels.

    Returns:
        Every stage, in order; a module that several stages call is in each of them.

    Example:
        >>> from striate.models import create
        >>> stage_modules(create("lenet5"), (1, 32, 32))["F6"]
        ('F6', 'relu')
    """
    copy = hollow(model)
    called: list[str] = []
    for name, module in copy.named_modules():
        module.register_forward_pre_hook(lambda *_, name=name: called.append(name))
    x = torch.empty(1, *input_size, device="meta")
    found: dict[str, tuple[str, ...]] = {}
    with torch.no_grad():
        for stage, run in copy.stages().items():  # pyright: ignore[reportCallIssue] - the copy is a Classifier as well
            called.clear()
            x = run(x)
            found[stage] = tuple(dict.fromkeys(called))
    return found
