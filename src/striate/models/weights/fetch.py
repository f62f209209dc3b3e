"""Getting weights into the cache: from what lies there already, or else from where they were published."""

import zipfile
from pathlib import Path
from typing import Final

from striate.errors import WeightsError
from striate.models.weights.cache import placing, published_file, tensors_file, writing
from striate.models.weights.convert import convert, prove
from striate.models.weights.download import Told, download
from striate.models.weights.kept import forget, is_kept, prove_kept
from striate.models.weights.published import Published
from striate.models.weights.refusal import reason, refused

__all__ = ["by_hand", "fetch", "prepared"]

_CHUNK: Final = 1 << 20


def by_hand(weights: Published) -> str:
    """Say how to supply the file where this machine cannot fetch it."""
    unpacked = f", out of {Path(weights.url).name}," if weights.url.endswith(".zip") else ""
    return (
        f"By hand: put the file{unpacked} at {published_file(weights)}\n"
        f"(published at {weights.url}; its {weights.algorithm} begins with {weights.digest[:8]})."
    )


def prepared(weights: Published) -> Path:
    """Give the converted tensors, converting a published file that lies in the cache; fetch nothing.

    Raises:
        WeightsError: There is no such file, or it is not the published one.
    """
    if is_kept(weights):
        return tensors_file(weights)
    file = published_file(weights)
    if file.is_file():
        return convert(weights, file)
    raise WeightsError(
        f"weights: {weights} is not on this machine, and nothing is fetched unless you ask for it.",
        f"Fetch it: striate weights get {weights.model} {weights.name}\n{by_hand(weights)}",
    )


def fetch(weights: Published, *, told: Told = lambda done, total: None) -> Path:
    """Get weights: what the cache holds, or else what was published; converted, either way.

    This is the one function that uses the network, and the only one that is asked to.

    Args:
        weights: The row.
        told: Told, of every piece that comes, how many bytes are there and of how many.

    Returns:
        The safetensors file, in the cache.

    Raises:
        WeightsError: It cannot be fetched, or is not what was published; what is not, is removed.
    """
    if is_kept(weights):
        try:
            return prove_kept(weights)
        except WeightsError:
            forget(weights)
    file = published_file(weights)
    if file.is_file():
        return convert(weights, file)
    name = Path(weights.url).name
    part = file.with_name(f"{name}.part")
    download(weights.url, part, most=weights.most_bytes, by_hand=by_hand(weights), told=told)
    try:
        if name.endswith(".zip"):
            _unpack(weights, part, file)
            part.unlink()
        else:
            prove(weights, part)
            with writing("keep a download", file), placing(file) as temporary:
                part.rename(temporary)
    except WeightsError:
        part.unlink(missing_ok=True)  # whatever it is, to go on from it would not make it right
        raise
    kept = convert(weights, file)
    file.unlink()  # it was fetched by us, and is kept converted
    return kept


def _unpack(weights: Published, archive: Path, file: Path) -> None:
    """Take the one file out of an archive, and prove it; nothing else in there is touched."""
    try:
        with zipfile.ZipFile(archive) as opened:
            if opened.namelist() != [weights.file]:
                raise refused(archive, f"it holds something else than {weights.file}", holds=opened.namelist()[:5])
            with writing("unpack a download", file), placing(file) as temporary:
                with opened.open(weights.file) as packed, temporary.open("wb") as out:
                    while piece := packed.read(_CHUNK):
                        out.write(piece)
                        if out.tell() > weights.most_bytes:
                            most = f"{weights.most_bytes:,} bytes"
                            raise refused(archive, "it unpacks to more than the published file", most=most)
                prove(weights, temporary)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError) as error:
        raise refused(archive, "it is a damaged archive", reported=reason(error)) from error
