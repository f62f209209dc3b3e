"""Feature visualisation: an image that maximises what is asked for, found by going uphill.

Source:
    Erhan, Bengio, Courville and Vincent, "Visualizing Higher-Layer Features of a Deep Network", Université de
    Montréal 2009; Olah, Mordvintsev and Schubert, "Feature Visualization", Distill 2017, doi 10.23915/distill.00007.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from striate.compile.tracing import dtype_of
from striate.errors import OptionError
from striate.explain.layers import Network, Rules, captured
from striate.explain.objectives import Objective
from striate.explain.paint import PAINTS, Canvas
from striate.explain.perturbations import Perturbation, usual

__all__ = ["CAPTION", "LEGEND", "Climb", "Optimized", "maximise"]

# For so many steps gradients pass rectifiers that are shut: an image of noise may leave a whole map silent, and where
# nothing answers there is no way up.
_OPEN_STEPS: Final = 16

LEGEND: Final = "The image itself, in its own colours, from black to white."
CAPTION: Final = (
    "Begun as grey noise and changed, step by step, so that the map's middle unit answers more; only what it sees is "
    "shown. It is what the unit asks for beyond all that ever occurs: no such image was seen in training, and another "
    "start may end elsewhere. Compare it with the pieces of real pictures that excite the map."
)


@dataclass(frozen=True)
class Climb:
    """How to go uphill.

    Args:
        paint: How the image is held: fourier or pixels.
        perturbations: What is done to it before every step; None for the usual ones.
        steps: How many.
        rate: Adam's, for numbers whose first spread is 0.01.
        seed: Of the first image and the perturbations.

    Raises:
        OptionError: A setting is out of range.
    """

    paint: Literal["fourier", "pixels"] = "fourier"
    perturbations: Sequence[Perturbation] | None = None
    steps: int = 128
    rate: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        if self.paint not in PAINTS:
            raise OptionError(f"maximise: no paint is called {self.paint!r}.", f"Choose one of: {', '.join(PAINTS)}.")
        if self.steps < 1 or self.rate <= 0:
            raise OptionError(
                "maximise: steps and rate are above 0.", "Pass larger numbers.", steps=self.steps, rate=self.rate
            )


@dataclass(frozen=True)
class Optimized:
    """What was found.

    Args:
        images: In [0, 1], one for each objective.
        names: Of the objectives.
        scores: The objectives' values before each step, and of the last image; perturbed, but for the last.
    """

    images: Float[Tensor, "N C H W"]
    names: tuple[str, ...]
    scores: Float[Tensor, "S N"]


@torch.inference_mode(mode=False)
@torch.enable_grad()
def maximise(
    model: nn.Module | Network,
    objectives: Sequence[Objective],
    canvas: Canvas,
    climb: Climb | None = None,
    *,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Optimized:
    """Find for each objective an image that maximises it; all of them climb side by side.

    Args:
        model: Any module that takes images, or one that is captured already; it is not changed.
        objectives: What is asked for.
        canvas: What an image is for the network.
        climb: How.
        on_progress: Called with the steps done and all steps.

    Returns:
        As many images as objectives. The same seed gives the same images, on one machine.

    Raises:
        OptionError: There is no such layer, map or class.

    Example:
        >>> from striate.explain.objectives import feature_map
        >>> conv = nn.Sequential(nn.Conv2d(1, 2, 3))
        >>> found = maximise(conv, [feature_map("0", 1)], Canvas((1, 8, 8), (0.5,), (0.5,)), Climb(steps=4))
        >>> bool(found.scores[-1] > found.scores[0]), tuple(found.images.shape)
        (True, (1, 1, 8, 8))
    """
    climb = climb or Climb()
    draw = torch.Generator().manual_seed(climb.seed)
    paint = PAINTS[climb.paint](canvas, len(objectives), draw)
    kind = (model.dtype if isinstance(model, Network) else dtype_of(model)) or torch.float32
    network = captured(model, canvas.normalized(paint.images()[:1].detach()).to(kind))
    layers = list(dict.fromkeys(o.layer for o in objectives if o.layer is not None))
    perturbations = usual(min(canvas.size[1:])) if climb.perturbations is None else climb.perturbations
    optimizer = torch.optim.Adam([paint.numbers], lr=climb.rate)
    scores: list[Tensor] = []

    def measured(images: Float[Tensor, "N C H W"], rules: Rules | None = None) -> Float[Tensor, " N"]:
        images = images.to(kind)  # it is painted in 32-bit floats
        if any(o.layer is None for o in objectives):
            output, kept = network.run(images, keep=layers, rules=rules)
        else:  # what lies behind the last of the layers is not asked
            output, kept = images, network.values(images, layers, rules=rules)
        outputs = [output if o.layer is None else kept[o.layer] for o in objectives]
        return torch.stack(
            [o.read(out[i : i + 1])[0] for i, (o, out) in enumerate(zip(objectives, outputs, strict=True))]
        )

    for step in range(climb.steps):
        images = canvas.normalized(paint.images())
        for perturb in perturbations:
            images = perturb(images, draw)
        score = measured(images, _OPEN if step < _OPEN_STEPS else None)
        scores.append(score.detach())
        (paint.numbers.grad,) = torch.autograd.grad(-score.sum(), paint.numbers)
        optimizer.step()
        on_progress(step + 1, climb.steps)
    with torch.no_grad():
        images = paint.images()
        scores.append(measured(canvas.normalized(images)))
    return Optimized(images, tuple(o.name for o in objectives), torch.stack(scores))


def _pass(
    operation: Callable[..., Tensor], x: Float[Tensor, "..."], *more: Any, **settings: Any
) -> Float[Tensor, "..."]:
    """Rectify, with the gradient of doing nothing."""
    return x + (operation(x, *more, **settings) - x).detach()


_OPEN: Final[Rules] = {"relu": _pass}
