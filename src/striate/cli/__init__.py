"""The command line: `striate COMMAND`. Commands only; what they do is in the functions of the same names."""

import io
import os
import re
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Final, NoReturn

from striate.errors import Interrupted, OptionError, StriateError

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and give its exit status.

    0: done. 1: something is wrong with files, data or a run, which the message names. 2: the command is not
    understood. 128 + a signal's number: stopped by it (130 for Ctrl-C, 143 for SIGTERM), with everything saved.
    """
    signal.signal(signal.SIGTERM, _terminated)
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        if isinstance(sys.stdout, io.TextIOWrapper) and argv is None:
            # A file's name may hold bytes that are no text; in a table of predictions it must still be that name.
            sys.stdout.reconfigure(errors="surrogateescape")
        from striate.cli.arguments import parse  # after the handler: what it imports takes a moment

        status = parse(arguments)()
        sys.stdout.flush()  # here, where a reader who left, or a full disk, can be answered
        return status
    except Interrupted as stopped:
        _say(f"\n{stopped.rule}\n{stopped.remedy}")
        return 128 + stopped.signal_number
    except StriateError as error:
        _say(f"error: {error}")
        return 2 if isinstance(error, OptionError) else 1
    except KeyboardInterrupt:
        _say("\nstopped")
        return 128 + signal.SIGINT
    except BrokenPipeError:  # whoever read our output has seen enough
        return 1
    except Exception as error:
        if "STRIATE_TRACE" in os.environ:
            raise
        _say(f"error: {_unforeseen(error)}")
        return 1
    finally:
        _end_output()


def _terminated(number: int, frame: FrameType | None) -> NoReturn:
    """Outside of training, which has its own handler, there is nothing to save."""
    sys.exit(128 + number)


def _end_output() -> None:
    """Write what is buffered; if that cannot be, drop it, so that it does not complain again at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _unforeseen(error: Exception) -> str:
    """Say in two lines what no part of the package has an error of its own for."""
    if isinstance(error, MemoryError) or _MEMORY.search(str(error)):
        return "there is not enough memory.\nUse smaller images or batches, or fewer workers."
    if isinstance(error, OSError):
        return f"the system refuses: {error}.\nMake room or give permission, or choose another place."
    return (
        f"this should not happen: {type(error).__name__}: {error}\n"
        "Set STRIATE_TRACE=1 to see where, and please report it."
    )


# PyTorch has no one error for it.
_MEMORY: Final = re.compile("out of memory|can't allocate memory", re.IGNORECASE)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
