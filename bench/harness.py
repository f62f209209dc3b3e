"""Verify, then time, then record: what every benchmark of this repository is made of.

A benchmark is a file here that says what is compared and calls two functions:

    result = compare("relu", {"ours": ours, "torch": torchs}, what="ReLU of a million floats", verify=is_right)
    record(result)

Each candidate's answer is verified first, and a wrong one is never timed. Then the candidates take turns, A B A B …, so
that whatever disturbs the machine disturbs all of them; ratios are taken within a turn, where it is nearly the same.
"""

import json
import os
import shlex
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from striate import engine
from striate.errors import OptionError, StriateError

__all__ = ["Candidate", "Result", "Spread", "compare", "record", "record_rows"]

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "bench" / "results"
WARM_UP_ROUNDS = 2  # the answer that is verified comes before them, so every candidate has run three times

# A function to call, or a command. A function that starts work elsewhere must wait for its end.
Candidate = Callable[[], Any] | str | Sequence[str]

# Whose versions a record holds, where they are installed: what is timed, and the peers it is timed against.
PACKAGES = ["striate", "torch", "numpy", "pillow", "scikit-learn", "kornia", "onnxruntime", "openvino", "ncnn", "MNN"]


@dataclass(frozen=True)
class Spread:
    """The middle and the quartiles of some samples: half of them lie from `q1` to `q3`."""

    median: float
    q1: float
    q3: float


@dataclass(frozen=True)
class Result:
    """The times of candidates that took turns.

    Args:
        name: The benchmark's, and of its file in bench/results.
        what: What is timed, in a line for people.
        threads: That each candidate was told to use.
        seconds: Of every turn, by candidate, in the order of the turns.
        work: How much is done in a turn, and of what: (64, "images").
    """

    name: str
    what: str
    threads: int
    seconds: Mapping[str, tuple[float, ...]]
    work: tuple[float, str] | None = None

    @property
    def n(self) -> int:
        """How many turns each candidate had."""
        return len(next(iter(self.seconds.values())))

    def spread(self, candidate: str) -> Spread:
        """Summarise the seconds of one candidate's turns."""
        return _spread(self.seconds[candidate])

    def ratio(self, numerator: str, denominator: str) -> Spread:
        """Summarise how many times as long as `denominator` `numerator` took, turn by turn."""
        pairs = zip(self.seconds[numerator], self.seconds[denominator], strict=True)
        return _spread([a / b for a, b in pairs])


def compare(
    name: str,
    candidates: Mapping[str, Candidate],
    *,
    what: str,
    verify: Callable[[Any], bool],
    n: int = 20,
    threads: int | None = None,
    work: tuple[float, str] | None = None,
) -> Result:
    """Time candidates that do the same work, by turns, after verifying that each does it.

    Args:
        name: Letters, digits, - and _.
        candidates: By name, ours first: the others are compared with it.
        what: What is timed, in a line for people.
        verify: Whether an answer is right: what a function returned, or what a command wrote to standard output.
        n: Turns of each.
        threads: For each to use; None: as many as torch does now. A command is told by OMP_NUM_THREADS.
        work: How much is done in a turn, and of what, where a rate says more than a time: (64, "images").

    Raises:
        OptionError: Nothing to compare, too few turns to have quartiles, or no threads.
        StriateError: An answer is wrong, or a command failed. Nothing was timed.
    """
    threads = torch.get_num_threads() if threads is None else threads
    if not candidates or n < 2 or threads < 1 or not name.replace("-", "").replace("_", "").isalnum():
        raise OptionError(
            "compare: these settings make no benchmark.",
            "Give a name of letters, digits, - and _; one candidate or more; n of 2 or more; threads of 1 or more.",
            name=repr(name),
            candidates=", ".join(candidates) or "none",
            n=n,
            threads=threads,
        )
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        for candidate, run in candidates.items():
            _refuse_wrong(name, candidate, _answer(run, threads), verify)
        seconds: dict[str, list[float]] = {candidate: [] for candidate in candidates}
        for turn in range(-WARM_UP_ROUNDS, n):
            for candidate, run in candidates.items():
                start = time.perf_counter()
                _answer(run, threads)
                if turn >= 0:
                    seconds[candidate].append(time.perf_counter() - start)
    finally:
        torch.set_num_threads(before)
    return Result(name, what, threads, {c: tuple(s) for c, s in seconds.items()}, work)


def record(result: Result, folder: Path = RESULTS) -> Path:
    """Write a result, with the machine, its peaks, versions and the command, as JSON; return the file."""
    first, *others = result.seconds
    content = {
        "threads": result.threads,
        "n": result.n,
        "work": result.work,
        "candidates": {c: asdict(result.spread(c)) | {"seconds": s} for c, s in result.seconds.items()},
        "ratios": {f"{first} / {other}": asdict(result.ratio(first, other)) for other in others},
    }
    return _write(result.name, result.what, content, folder)


def record_rows(name: str, what: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], *, threads: int) -> Path:
    """Write a table that is no comparison of times, with the same particulars; return the file."""
    return _write(name, what, {"threads": threads, "columns": list(columns), "rows": [list(r) for r in rows]}, RESULTS)


def _write(name: str, what: str, content: Mapping[str, Any], folder: Path) -> Path:
    machine = engine.machine()
    particulars = {
        "name": name,
        "what": what,
        "command": _own_command(),
        "commit": _commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": asdict(machine),
        "peaks": asdict(engine.peaks(min(content["threads"], machine.logical_cores))),
        "versions": _versions(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.json"
    file.write_text(json.dumps({**particulars, **content}, indent=1) + "\n", encoding="utf-8")
    return file


def _spread(samples: Sequence[float]) -> Spread:
    q1, median, q3 = statistics.quantiles(samples, n=4, method="inclusive")
    return Spread(median, q1, q3)


def _answer(run: Candidate, threads: int) -> Any:
    if callable(run):
        return run()
    command = shlex.split(run) if isinstance(run, str) else list(run)
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise StriateError(
            "compare: a command failed; nothing is recorded.",
            "Run it by itself, mend it, and compare again.",
            command=shlex.join(command),
            exit_status=done.returncode,
            last_words=done.stderr.strip()[-400:],
        )
    return done.stdout


def _refuse_wrong(name: str, candidate: str, answer: Any, verify: Callable[[Any], bool]) -> None:
    if not verify(answer):
        raise StriateError(
            "compare: an answer is wrong, so it is not timed.",
            "Mend the candidate, or what it is verified by.",
            benchmark=name,
            candidate=candidate,
            answer=repr(answer)[:400],
        )


def _own_command() -> str:
    """Say how this process was started, without the paths of this machine."""
    arguments = [argument.replace(f"{ROOT}{os.sep}", "") for argument in sys.orig_argv[1:]]
    return shlex.join(["python", *arguments])


def _commit() -> str | None:
    """Name the commit of the sources; "+" says that they have changed since. None outside a repository."""
    git = ["git", "-C", str(ROOT)]
    head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True)
    if head.returncode:
        return None
    changed = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True).stdout
    return head.stdout.strip() + ("+" if changed else "")


def _versions() -> dict[str, str]:
    found = {"python": sys.version.split()[0]}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
