"""One file from one address: with progress, and going on where a cut has stopped it.

Nothing else in the package opens a connection, and this does only when `get` asks for it.

Source:
    RFC 9110, section 14: range requests, of which a server may know nothing.
"""

import fcntl
import urllib.error
import urllib.request
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.client import HTTPException, HTTPMessage, HTTPResponse
from pathlib import Path
from typing import IO, Any, Final

from striate.errors import WeightsError
from striate.models.weights.cache import writing

__all__ = ["Told", "download"]

Told = Callable[[int, int], None]
"""Takes how many bytes are there, and of how many; 0 if the server does not say."""

_CHUNK: Final = 1 << 20
_PATIENCE_SECONDS: Final = 30.0
_WAY_OUT: Final = "Check the connection and run the same command again: it goes on from there."


def download(url: str, part: Path, *, most: int, by_hand: str, told: Told = lambda done, total: None) -> None:
    """Fetch `url` into the file `part`, after what it holds already.

    A part is never trusted: whoever calls compares the digest of the whole.

    Args:
        url: Where the file is.
        part: The unfinished file; after a cut it stays, for the next call to go on from.
        most: Bytes that the file may have at the most.
        by_hand: The way out that is told where the server has not got the file.
        told: Told of every piece.

    Raises:
        WeightsError: The address does not answer, has not got the file, or sends too much; the connection is cut;
            another process fetches the same file; or the disk is full.
    """
    with writing("make room for a download", part):
        part.parent.mkdir(parents=True, exist_ok=True)
        file = part.open("ab")
    with file:
        _lock(file, part)
        with _answer(url, file.tell(), by_hand) as response:
            if response.status != 206:  # the whole, from the beginning: this server cannot go on, or need not
                with writing("begin a download anew", part):
                    file.seek(0)
                    file.truncate()
            total = _total(response, file.tell())
            if total > most:
                raise _too_large(url, total, most)
            _receive(response, file, part, most, lambda done: told(done, total))
            done = file.tell()
    if total and done < total:
        raise WeightsError("weights: the connection was cut.", _WAY_OUT, url=url, received=_of(done, total))


def _lock(file: IO[bytes], part: Path) -> None:
    """Keep two processes from writing into one part."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise WeightsError(
            "weights: another process is fetching this file.", "Wait until it is done.", path=part
        ) from error


@contextmanager
def _answer(url: str, have: int, by_hand: str) -> Generator[HTTPResponse]:
    """Ask for what comes after the first `have` bytes."""
    headers = {"User-Agent": "striate", "Accept-Encoding": "identity"}
    opener = urllib.request.build_opener(_StayEncrypted)
    try:
        try:
            ranged = {"Range": f"bytes={have}-"} if have else {}
            response = opener.open(_request(url, {**headers, **ranged}), timeout=_PATIENCE_SECONDS)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code != 416:
                raise
            # Nothing comes after what is there: it is whole, or of another file. To begin anew is right for both.
            response = opener.open(_request(url, headers), timeout=_PATIENCE_SECONDS)
    except urllib.error.HTTPError as error:
        error.close()
        raise WeightsError(
            "weights: the server has not got the file.", by_hand, url=url, answer=f"{error.code} {error.reason}"
        ) from error
    except (OSError, HTTPException) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise WeightsError("weights: the address cannot be reached.", by_hand, url=url, reported=reason) from error
    with response:
        yield response


def _request(url: str, headers: dict[str, str]) -> urllib.request.Request:
    return urllib.request.Request(url, headers=headers)  # noqa: S310 - the table's addresses, which a test reads


class _StayEncrypted(urllib.request.HTTPRedirectHandler):
    """Follows a server elsewhere, but never out of https."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        """Refuse what could be read and changed on the way."""
        if req.type == "https" and not newurl.startswith("https:"):
            raise urllib.error.URLError(f"it leads to {newurl}, which is not encrypted")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _total(response: HTTPResponse, have: int) -> int:
    length = response.headers.get("Content-Length", "")
    return have + int(length) if length.isdecimal() else 0


def _receive(response: HTTPResponse, file: IO[bytes], part: Path, most: int, told: Callable[[int], None]) -> None:
    """Write piece after piece; what has come is kept, whatever happens."""
    while True:
        try:
            piece = response.read(_CHUNK)
        except (OSError, HTTPException) as error:
            raise WeightsError(
                "weights: the connection was cut.",
                _WAY_OUT,
                url=response.url,
                received=f"{file.tell():,} bytes",
                reported=error,
            ) from error
        if not piece:
            return
        if file.tell() + len(piece) > most:
            raise _too_large(response.url, file.tell() + len(piece), most)
        with writing("write a download", part):
            file.write(piece)
            file.flush()
        told(file.tell())


def _too_large(url: str, size: int, most: int) -> WeightsError:
    return WeightsError(
        "weights: the server sends more than the file has.",
        "It is not the published file. Look up what is at that address now.",
        url=url,
        received=f"{size:,} bytes or more",
        most=f"{most:,} bytes",
    )


def _of(done: int, total: int) -> str:
    return f"{done:,} of {total:,} bytes"
