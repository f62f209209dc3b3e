"""The command that trains: a new run, a run that goes on, or a rehearsal."""

from collections.abc import Callable
from typing import Annotated, Final

import tyro

from striate.cli import show
from striate.errors import OptionError
from striate.recipes import Recipe, dry_run, resume, train
from striate.recipes.command import train_command
from striate.train import Where

__all__ = ["Data", "train_with"]

Data = Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="DATA")]

OUT: Final = "runs"


def train_with(default: Recipe) -> Callable[..., int]:
    """Make the command that follows the recipe `default`, unless its flags say otherwise."""

    def train_(
        data: Data = "",
        *,
        resume_: Annotated[str, tyro.conf.arg(name="resume")] = "",
        dry_run_: Annotated[bool, tyro.conf.arg(name="dry-run")] = False,
        out: str = OUT,
        recipe: Recipe = default,
        where: Where = Where(),  # noqa: B008 - frozen
    ) -> int:
        """Train a network on labelled images, or go on with a run.

        Args:
            data: digits, a folder with a folder a class, or a CSV file of paths and labels.
            resume_: A run to go on with, to the same weights, bit for bit; DATA only if the data was moved.
            dry_run_: Take two steps, validate, write nothing, and say what training would do.
            out: Where the run's folder is made.
            recipe: How to train.
            where: Where it runs; but for the last bits, which depend on the threads, this does not change the result.
        """
        if resume_:
            _refuse_changes(recipe, default, out=out, dry_run=dry_run_)
            found = resume(resume_, data=data or None, where=where)
        elif not data:
            raise OptionError("train: there is nothing to train on.", "Name the data: striate train digits")
        elif dry_run_:
            return show.rehearsal(dry_run(data, where=where, recipe=recipe))
        else:
            found = train(data, out=out, where=where, recipe=recipe)
        return show.trained(found)

    return train_


def _refuse_changes(recipe: Recipe, default: Recipe, *, out: str, dry_run: bool) -> None:
    if out != OUT or dry_run:
        raise OptionError(
            "train: a run that is resumed stays where it is, and is not rehearsed.",
            "Leave --out and --dry-run out.",
            out=out,
            dry_run=dry_run,
        )
    if recipe != default:
        raise OptionError(
            "train: a run that is resumed keeps its recipe.",
            "Leave the recipe's flags out, or train a new run.",
            changed=train_command("DATA", recipe, default),
        )
