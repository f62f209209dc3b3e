"""From the words of a command line to a command that is ready to run."""

import io
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr
from functools import partial, wraps
from pathlib import Path

import tyro

from striate.cli.commands import commands
from striate.errors import StriateError
from striate.recipes import Recipe, recipe_for
from striate.recipes.training import recipe_of
from striate.train import Run

__all__ = ["Command", "parse"]

Command = partial[int]


def parse(arguments: Sequence[str]) -> Command:
    """Understand a command line; run nothing yet.

    Raises:
        StriateError: A setting is out of range, or the run that is to be resumed is none.
        SystemExit: Help was asked for, or the words are not understood; both are then printed.

    Example:
        >>> parse(["summary", "lenet5", "--classes", "3"]).keywords["classes"]
        3
    """
    return _parse(arguments, _default_recipe(arguments))


def _parse(arguments: Sequence[str], default: Recipe) -> Command:
    said = io.StringIO()
    try:
        with redirect_stderr(said):
            return tyro.extras.subcommand_cli_from_dict(
                {name: _later(command) for name, command in commands(default).items()},
                prog="striate",
                description="Convolutional neural networks: train, judge, use and see them.",
                args=list(arguments),
                config=(tyro.conf.OmitArgPrefixes,),
            )
    except SystemExit as stop:
        refusal = _refusal(stop)
        if refusal:
            raise refusal from None
        sys.stderr.write(said.getvalue())
        raise


def _later(command: Callable[..., int]) -> Callable[..., Command]:
    @wraps(command)
    def ready(*arguments: object, **settings: object) -> Command:
        return partial(command, *arguments, **settings)

    return ready


def _refusal(stop: BaseException) -> StriateError | None:
    """Find our own error behind the exit: tyro prints its first line alone, without the values and the way out."""
    error: BaseException | None = stop
    while error and not isinstance(error, StriateError):
        error = error.__context__
    return error


def _default_recipe(arguments: Sequence[str]) -> Recipe:
    """Find the recipe whose settings the flags then change: the resumed run's, or that of the network and the data.

    Which these are is known only when the line is understood, so it is read twice.
    """
    if list(arguments[:1]) != ["train"]:
        return Recipe()
    try:
        with redirect_stderr(io.StringIO()):
            asked = _parse([word for word in arguments if word not in ("-h", "--help")], Recipe()).keywords
    except (StriateError, SystemExit):
        return Recipe()  # the second reading says what is wrong
    if asked["resume_"]:
        return recipe_of(Run(Path(asked["resume_"])))
    return recipe_for(asked["recipe"].model, asked["data"])
