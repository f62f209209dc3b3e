"""A model card: what weights are, where they come from and how good they are, written by the run that made them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from striate.errors import WeightsError

__all__ = ["Card"]


@dataclass(frozen=True)
class Card:
    """What is known of one file of weights.

    Args:
        model: The network's name.
        name: What the weights are called.
        licence: Of the weights.
        network: Classes, channels, size and options that the network was built with.
        classes: Their names, in the order of the scores.
        preprocess: What makes an image the network's input: size, channels, mean, standard deviation, resizing.
        data: Name, fingerprint, samples in each part and licence of what it learnt from.
        recipe: How it was trained; the seed is in it.
        steps: Of training behind the weights.
        metrics: What was found on the part that was held out.
        command: What trained it.
        threads: That computed: the last bits depend on them.
        versions: Of the packages.
        machine: The processor.
        sha256: Of the file.
    """

    model: str
    name: str
    licence: str
    network: Mapping[str, Any]
    classes: tuple[str, ...]
    preprocess: Mapping[str, Any]
    data: Mapping[str, Any]
    recipe: Mapping[str, Any]
    steps: int
    metrics: Mapping[str, Any]
    command: str
    threads: int
    versions: Mapping[str, str]
    machine: str
    sha256: str

    @property
    def options(self) -> dict[str, Any]:
        """Those of the network's own that it was built with."""
        return {
            key: value for key, value in self.network.items() if key not in ("classes", "in_channels", "image_size")
        }

    def to_json(self) -> dict[str, Any]:
        """Give plain values."""
        return {**asdict(self), "classes": list(self.classes)}

    @classmethod
    def from_json(cls, document: Any, source: str) -> "Card":
        """Build the card that `to_json` gave.

        Raises:
            WeightsError: Something is missing or absurd; the message names it and `source`.
        """
        kinds = {"steps": int, "threads": int, "classes": list}
        kinds |= dict.fromkeys(("network", "preprocess", "data", "recipe", "metrics", "versions"), dict)
        found: dict[str, Any] = document if isinstance(document, dict) else {}
        wrong = [f.name for f in fields(cls) if not isinstance(found.get(f.name), kinds.get(f.name, str))]
        if not wrong and not _belongs(found["network"], found["classes"]):
            wrong = ["network"]
        if wrong:
            raise WeightsError(
                f"weights: {source} is no model card of this version.",
                "Write it anew, with the weights: striate pack RUN.",
                lacks=", ".join(wrong),
            )
        values: dict[str, Any] = {f.name: found[f.name] for f in fields(cls)}
        values["classes"] = tuple(map(str, found["classes"]))
        return cls(**values)

    def __str__(self) -> str:
        """Write it for a person, as Markdown."""
        low, high = self.metrics["accuracy_interval"]
        samples = ", ".join(f"{count:,} {part}" for part, count in self.data["samples"].items())
        size = " x ".join(map(str, (self.preprocess["channels"], *self.preprocess["image_size"])))
        train = self.recipe["train"]
        rows = {
            "network": f"{self.model}, for {size} images",
            "classes": ", ".join(self.classes),
            "data": f"{self.data['name']}: {samples}; {self.data['licence']}",
            "recipe": f"{train['epochs']} epochs of {train['optimizer']}, seed {train['seed']}; the JSON has it all",
            "accuracy": f"{self.metrics['accuracy']:.2%} of {self.metrics['samples']} images of the "
            f"{self.metrics['part']} part, 95 % interval {low:.2%} to {high:.2%}",
            "macro F1": f"{self.metrics['macro_f1']:.4f}",
            "cross-entropy": f"{self.metrics['cross_entropy']:.4f}",
            "calibration error": f"{self.metrics['calibration_error']:.4f}",
            "normalisation": f"mean {_numbers(self.preprocess['mean'])}, deviation {_numbers(self.preprocess['std'])}",
            "command": f"`{self.command}`",
            "made with": ", ".join(f"{name} {number}" for name, number in self.versions.items()),
            "machine": f"{self.machine}, threads: {self.threads}",
            "SHA-256": f"`{self.sha256}`",
            "licence": self.licence,
        }
        table = "\n".join(f"| {what} | {_cell(said)} |" for what, said in rows.items())
        return (
            f"# {self.model}: {self.name}\n\nWritten by the run that made the weights.\n\n| | |\n|---|---|\n{table}\n"
        )


def _belongs(network: Mapping[str, Any], classes: list[Any]) -> bool:
    """Tell whether a network can be built from what is said of it, and tells apart as many classes as have names."""
    size: Any = network.get("image_size")
    counts = [network.get("in_channels"), *(size if isinstance(size, list) and len(size) == 2 else [None])]
    return network.get("classes") == len(classes) and all(isinstance(count, int) for count in counts)


def _numbers(values: Any) -> str:
    return ", ".join(f"{value:.4f}" for value in values)


def _cell(text: str) -> str:
    """Keep a name from ending its cell or its line."""
    return " ".join(text.replace("|", "\\|").split())
