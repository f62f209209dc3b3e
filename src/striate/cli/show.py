"""What the commands print: tables for people on standard output. Each function gives the exit status."""

import csv
import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from striate.engine import Machine, Peaks
from striate.evaluate import Evaluation, Predicted
from striate.models import Entry
from striate.models.summary import Summary, written
from striate.models.weights import Packed, Published
from striate.models.weights.kept import is_kept
from striate.nn import Classifier
from striate.recipes import Rehearsal
from striate.train import Run, read_epochs

__all__ = ["evaluation", "machine", "models", "predictions", "rehearsal", "summary", "trained", "weights"]


def _print(table: Table) -> None:
    """Print a table; where no terminal says how wide it is, as wide as the table."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=Console(width=10_000).measure(table).maximum)
    console.print(table)


def _table(title: str, columns: Mapping[str, Literal["left", "right"]]) -> Table:
    table = Table(
        title=_text(title), title_justify="left", header_style="bold", pad_edge=False, box=None, padding=(0, 1)
    )
    for name, justify in columns.items():
        table.add_column(name, justify=justify, overflow="fold", vertical="bottom")
    return table


def trained(run: Run) -> int:
    """Say where the run is, how it went, and what comes next."""
    finite = [row for row in read_epochs(run.path) if row.get("val_loss") is not None]
    if finite:
        best = max(finite, key=lambda row: (row["val_accuracy"], -row["val_loss"]))
        print(f"best validation accuracy {best['val_accuracy']:.2%}, after epoch {best['epoch']}")
    print(f"run       {run.path}\nnext      striate evaluate {shlex.quote(str(run.path))}")
    return 0


def rehearsal(found: Rehearsal) -> int:
    """Say what training would do."""
    samples = ", ".join(f"{count:,} {part}" for part, count in found.samples.items())
    print(
        f"{found.recipe.model}: {found.parameters:,} parameters\n"
        f"{samples} images in {found.classes} classes\n"
        f"{found.steps:,} steps, epochs: {found.recipe.train.epochs}, about {found.seconds:,.1f} s\n"
        f"loss of the first step: {found.loss:.4f}"
    )
    if found.weights:
        print(found.weights)
    print("nothing was written")
    return 0


def evaluation(found: Evaluation) -> int:
    """Print the metrics table and where the report is."""
    metrics = found.metrics
    table = _table(
        f"{found.model} on {found.data}, {found.part}: {metrics.samples:,} images",
        {"class": "left", "precision": "right", "recall": "right", "F1": "right", "images": "right"},
    )
    rows = [(c.name, c.precision, c.recall, c.f1, c.support) for c in metrics.classes]
    rows += [
        (name, average.precision, average.recall, average.f1, metrics.samples)
        for name, average in (("macro average", metrics.macro), ("weighted average", metrics.weighted))
    ]
    for name, *scores, support in rows:
        table.add_row(_text(str(name)), *(f"{score:.4f}" for score in scores), f"{support:,}")
    _print(table)
    low, high = metrics.accuracy_interval
    print(f"\naccuracy           {metrics.accuracy:.2%}  (95 % interval {low:.2%} to {high:.2%})")
    if metrics.top_k < len(metrics.classes):
        print(f"top-{metrics.top_k} accuracy     {metrics.top_k_accuracy:.2%}")
    print(f"calibration error  {metrics.calibration_error:.4f}\ncross-entropy      {metrics.cross_entropy:.4f}")
    print(f"protocol           {found.protocol}")
    if found.problems:
        print(f"problems           {len(found.problems)} in the data; the report names them")
    for note in found.notes:
        print(f"note               {note}")
    print(f"report             {found.path / 'report.html'}")
    return 0


def predictions(found: Sequence[Predicted], form: Literal["table", "csv", "json"]) -> int:
    """Print what each file is; name the files that could not be used, on standard error."""
    {"table": _predictions_table, "csv": _predictions_csv, "json": _predictions_json}[form](found)
    bad = [one for one in found if one.problem]
    for one in bad:
        print(f"error: {one.path!r}: {one.problem}", file=sys.stderr)
    if not found:
        print("error: there are no images in what was given", file=sys.stderr)
    return int(bool(bad) or not found)


def _predictions_table(found: Sequence[Predicted]) -> None:
    table = _table("", {"file": "left", "class": "left", "probability": "right", "next": "left"})
    for one in found:
        if one.prediction:
            named = list(zip(one.prediction.classes, one.prediction.probabilities, strict=True))
            following = "  ".join(f"{name} {p:.1%}" for name, p in named[1:])
            table.add_row(_text(one.path), _text(named[0][0]), f"{named[0][1]:.1%}", _text(following, "dim"))
    if table.row_count:
        _print(table)


def _predictions_csv(found: Sequence[Predicted]) -> None:
    most = max((len(one.prediction.classes) for one in found if one.prediction), default=1)
    table = csv.writer(sys.stdout, lineterminator="\n")
    header = ["path", "class", "probability"]
    table.writerow(header + [f"{name}_{i}" for i in range(2, most + 1) for name in ("class", "probability")])
    for one in found:
        if one.prediction:
            pairs = zip(one.prediction.classes, one.prediction.probabilities, strict=True)
            table.writerow([one.path, *(cell for pair in pairs for cell in pair)])


def _predictions_json(found: Sequence[Predicted]) -> None:
    json.dump([one.to_json() for one in found], sys.stdout, indent=2)
    print()


def models(found: Mapping[str, tuple[Entry, Classifier]]) -> int:
    """Print the table of networks."""
    table = _table("", {"model": "left", "parameters": "right", "images": "right", "source": "left"})
    for name, (entry, network) in found.items():
        size = " x ".join(map(str, (entry.channels, *entry.image_size)))
        table.add_row(name, f"{sum(p.numel() for p in network.parameters()):,}", size, entry.source)
    _print(table)
    return 0


def weights(found: Sequence[Published], own: Sequence[Packed]) -> int:
    """Print the table of published weights, and below it those that come with the package."""
    table = _table("", {"model": "left", "weights": "left", "top-1": "right", "top-5": "right", "transform": "left"})
    table.add_column("MB", justify="right")
    table.add_column("licence")
    table.add_column("")
    for row in found:
        top = [f"{value:.2f} %" if value is not None else "-" for value in (row.top1, row.top5)]
        here = "here" if is_kept(row) else ""
        size = f"{row.mebibytes * 2**20 / 1e6:,.0f}"
        table.add_row(row.model, row.name, *top, str(row.transform or "-"), size, row.licence, here)
    for packed in own:
        card, held = packed.card, sum(tensor.nbytes for tensor in packed.tensors.values())
        seen = "crop {} x {}".format(*card.preprocess["image_size"])
        top = [f"{card.metrics['accuracy']:.2%}".replace("%", " %"), "-"]
        table.add_row(card.model, card.name, *top, seen, f"{held / 1e6:.1f}", card.licence, "in the package")
    _print(table)
    if found:
        print("\naccuracy on ImageNet as it was published; docs/weights.md tells how it was measured")
    if own:
        print("accuracy in the package is that on the digits held out; the model cards tell more")
    return 0


def summary(found: Summary, name: str) -> int:
    """Print a row a layer, or a row a stage."""
    size = " x ".join(map(str, found.input_size))
    numbers = ("output", "parameters", "multiply-\nadds", "receptive\nfield")
    table = _table(
        f"{name}, for an input of {size}", {**dict.fromkeys(found.heads, "left"), **dict.fromkeys(numbers, "right")}
    )
    for row in found.rows:
        table.add_row(_text(row.name), _text(row.kind), *written(row))
    table.add_section()
    table.add_row("total", "", "", f"{found.parameters:,}", f"{found.multiply_adds:,}", "", style="bold")
    _print(table)
    return 0


def machine(found: Machine, peaks: Peaks, form: Literal["table", "json"]) -> int:
    """Print what the machine is and what it can do."""
    if form == "json":
        print(json.dumps({"machine": asdict(found), "peaks": asdict(peaks)}, indent=2))
        return 0
    table = _table("", {"what": "left", "value": "left"})
    table.show_header = False
    caches = ", ".join(
        f"L{cache.level} {cache.kind} {cache.size_bytes / 1024:,.0f} KiB"
        + f" (shared by {cache.shared_by})" * (cache.shared_by > 1)
        for cache in found.caches
    )
    rows = [
        ("processor", found.processor),
        ("architecture", found.architecture),
        ("instruction sets", " ".join(found.instruction_sets)),
        ("caches", caches or "not told by the system"),
        ("cores", f"{found.usable_cores} usable of {found.logical_cores}"),
        ("memory", f"{found.memory_bytes / 2**30:.1f} GiB" if found.memory_bytes else "not told by the system"),
        ("kernels", peaks.isa),
        ("multiply-adds, 1 thread", f"{peaks.one_thread_flops_per_second / 1e9:.1f} GFLOP/s"),
        (f"multiply-adds, {peaks.threads} threads", f"{peaks.flops_per_second / 1e9:.1f} GFLOP/s"),
        ("memory reads, 1 thread", f"{peaks.one_thread_read_bytes_per_second / 1e9:.1f} GB/s"),
        (f"memory reads, {peaks.threads} threads", f"{peaks.read_bytes_per_second / 1e9:.1f} GB/s"),
    ]
    for row in rows:
        table.add_row(*row)
    _print(table)
    return 0


def _text(name: str, style: str = "") -> Text:
    """Keep a file's or a class's name from being read as rich's markup, or from breaking the line."""
    return Text("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name), style)
