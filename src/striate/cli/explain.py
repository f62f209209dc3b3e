"""The command that looks into a network."""

from typing import Annotated

import tyro

from striate.explain.look import Look, look
from striate.train import Where
from striate.train.progress import Shown

__all__ = ["explain"]


def explain(
    given: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RUN|MODEL")],
    *,
    images: tuple[str, ...] = (),
    data: str = "",
    out: str = "",
    at: Look = Look(),  # noqa: B008 - frozen
    threads: int = 0,
    progress: Shown = "auto",
) -> int:
    """Show what a network has learnt, and what its answers to some images rest on: one page, explain.html.

    Stopped and called again, it goes on searching the data where it was.

    Args:
        given: A run's folder, or the name of a network.
        images: Files that are explained; otherwise a few pictures of the data.
        data: Searched for what excites each map: digits, a folder, a CSV file; otherwise a run's own data.
        out: The folder of the page; otherwise the run's, or explain-MODEL here.
        at: What to look at.
        threads: Threads that compute; 0 for PyTorch's own choice.
        progress: A bar, lines, nothing, or (auto) a bar on a terminal and lines elsewhere.
    """
    where = Where(threads=threads, progress=progress)  # of all that training heeds, a look heeds these
    found = look(given, images, data=data or None, out=out or None, at=at, where=where)
    for note in found.notes:
        print(f"note      {note}")
    print(f"page      {found.page}\nbeside    {found.page.parent / 'explain'}: pictures and arrays")
    return 0
