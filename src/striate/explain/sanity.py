"""Whether a picture shows what a network has learnt: weights are randomised layer by layer, and pictures compared.

What stays the same when nothing is learnt any more was never about what is learnt: it is the image, or the method.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby

import torch
from jaxtyping import Float
from torch import Tensor, nn

from striate.errors import OptionError
from striate.explain.explanation import Explanation
from striate.explain.layers import Network, captured

__all__ = ["Sanity", "likeness", "rank_correlation", "sanity", "shuffled"]


@dataclass(frozen=True)
class Sanity:
    """How like the trained network's pictures are those of networks that know less and less.

    Args:
        method: What made the pictures.
        layers: The modules whose weights were randomised, one after the other, from the output down.
        similarity: After each of them, the pictures' rank correlation with the trained network's, in sizes, averaged
            over the images: 1 where nothing has changed, about 0 where nothing is left.
    """

    method: str
    layers: tuple[str, ...]
    similarity: tuple[float, ...]

    @property
    def left(self) -> float:
        """The similarity when all weights are randomised."""
        return self.similarity[-1]


def sanity(
    model: nn.Module | Network,
    images: Float[Tensor, "N C H W"],
    explain: Callable[[Network, Tensor], Explanation],
    *,
    seed: int = 0,
) -> Sanity:
    """Randomise a network's weights module by module, from the output down, and see how much a picture changes.

    The weights of a module are shuffled, each tensor in itself, so that their sizes stay what they were. The model
    itself is not touched.

    Args:
        model: A network, or one that is captured.
        images: As the network takes them.
        explain: Makes the pictures. It has to explain the same each time: a class that is told, not the one that is
            predicted.
        seed: Decides the shuffling.

    Raises:
        CaptureError: The model cannot be captured.
        OptionError: It has no parameters.

    Source:
        Adebayo, Gilmer, Muelly, Goodfellow, Hardt and Kim, "Sanity checks for saliency maps", NeurIPS 2018, section 3:
        cascading randomisation.

    Example:
        >>> from striate.explain import saliency
        >>> net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2))
        >>> sanity(net, torch.rand(2, 1, 8, 8), lambda network, x: saliency(network, x, 1)).layers
        ('3', '0')
    """
    network = captured(model, images)
    first = explain(network, images)
    layers: list[str] = []
    similarity: list[float] = []
    for module, known_less in shuffled(network, seed=seed):
        layers.append(module)
        similarity.append(likeness(first.values, explain(known_less, images).values))
    return Sanity(first.method, tuple(layers), tuple(similarity))


def shuffled(network: Network, *, seed: int = 0) -> Iterator[tuple[str, Network]]:
    """Shuffle a network's weights module by module, from the output down; each tensor in itself.

    Returns:
        The module whose weights were shuffled last, and the network as it is then; module by module.

    Raises:
        OptionError: It has no parameters.
    """
    if not network.parameters:
        raise OptionError(
            "sanity: the network has learnt nothing that could be shuffled.",
            "Pass one with parameters.",
            network=network.name,
        )
    random = torch.Generator().manual_seed(seed)
    for module, names in groupby(reversed(network.parameters), key=lambda name: name.rpartition(".")[0]):
        network = network.with_tensors({name: _shuffled(network.tensors[name], random) for name in names})
        yield module, network


def likeness(first: Float[Tensor, "N C ..."], other: Float[Tensor, "N C ..."]) -> float:
    """Correlate the ranks of two methods' values in sizes; the mean over the images."""
    found = [rank_correlation(a.abs(), b.abs()) for a, b in zip(first, other, strict=True)]
    return sum(found) / len(found)


def rank_correlation(a: Float[Tensor, "..."], b: Float[Tensor, "..."]) -> float:
    """Correlate the ranks of numbers, equal ones sharing theirs; 0 if one of the two has but one number throughout.

    Source:
        Spearman, "The proof and measurement of association between two things", 1904.

    Example:
        >>> rank_correlation(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 4.0, 9.0]))
        1.0
    """
    x, y = (ranks - ranks.mean() for ranks in (_ranks(a), _ranks(b)))
    size = float((x.square().sum() * y.square().sum()).sqrt())
    return float((x * y).sum()) / size if size else 0.0


def _ranks(numbers: Tensor) -> Tensor:
    _, which, counts = numbers.flatten().double().unique(return_inverse=True, return_counts=True)
    return (counts.cumsum(0) - (counts.double() - 1) / 2)[which]


def _shuffled(tensor: Tensor, random: torch.Generator) -> Tensor:
    order = torch.randperm(tensor.numel(), generator=random).to(tensor.device)
    return tensor.detach().flatten()[order].view(tensor.shape)
