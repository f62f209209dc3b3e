"""Judging with a look inside: evaluation is given what explains, which belongs to a room above it."""

from pathlib import Path
from typing import Any

from striate.evaluate import evaluation
from striate.evaluate.evaluation import Evaluation
from striate.explain.glance import glance
from striate.train import Run

__all__ = ["evaluate", "report"]


def evaluate(run: str | Path | Run, data: str | Path | None = None, **settings: Any) -> Evaluation:
    """Judge a run's network, and write metrics, predictions, the gallery of mistakes and the report.

    The report shows three images that were told right and three that were told wrong with what the answer rests on;
    all else is as `striate.evaluate.evaluation.evaluate` tells.

    Args:
        run: The run's folder.
        data: Other data, whose classes are matched by name; None for the run's own. Of its own, moved or not, the test
            part is judged; other data is judged whole, unless it says itself what is its test part.
        settings: `checkpoint`: best or last. `skip_bad`: leave bad files out. `out`: the folder of the results.
            `where`: device, workers, threads, progress. `explain`: another function, or None to leave that out.
            `protocol`, and what to change in it: `crops=10`, `scales=(256, 384)`.

    Raises:
        RunError: The folder is no run, or cannot be written.
        CheckpointError: The run has no checkpoint, or a damaged one.
        OptionError: The device is not there, or the network cannot be judged so.
        DataError: The data is not there, has bad files, or classes that the network does not know.

    Example:
        ``evaluate("runs/digits-lenet5").metrics.accuracy``
    """
    settings.setdefault("explain", glance)
    return evaluation.evaluate(run, data, **settings)


def report(run: str | Path | Run) -> Path:
    """Write a run's report anew from what its folder holds; judge it first if that was not done.

    Returns:
        The page's file.

    Raises:
        RunError: As for `evaluate`, or what the folder holds is damaged.
    """
    return evaluation.report(run, explain=glance)
