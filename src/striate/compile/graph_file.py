"""A captured network as one file: safetensors, with the graph as JSON in its header. No part of it can run code."""

import hashlib
import inspect
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn
from uuid import uuid4

import safetensors.torch
import torch
from jaxtyping import Shaped
from torch import Tensor

from striate.compile.graph import Given, Graph, Node
from striate.compile.interpret import shapes
from striate.compile.mapped import Mapped, mapped
from striate.compile.operations import OPERATIONS
from striate.compile.torch_operator import function
from striate.errors import ProgramError, StriateError

__all__ = ["MOST", "VERSION", "Opened", "open_graph", "owned", "read_graph", "write_graph"]

VERSION: Final = 1
"""Of the file's form; what is newer is not read."""

MOST: Final = 16 * 2**30
"""Bytes that a file, or any value of the network at its example's size, may have."""


def write_graph(path: str | Path, graph: Graph, about: Mapping[str, Any]) -> Path:
    """Write a graph and what is to be known of it, in one instant.

    Args:
        path: The file, `net.striate`; what was there before is replaced.
        graph: Any.
        about: Plain JSON values: the model's name, a plan.

    Returns:
        The file.

    Raises:
        ProgramError: The system refuses to write.
    """
    path = Path(path)
    tensors = {name: tensor.detach().contiguous() for name, tensor in graph.constants.items()}
    document = {
        "version": VERSION,
        "inputs": {name: given._asdict() for name, given in graph.inputs.items()},
        "nodes": [[node.name, node.op, node.inputs, dict(node.options)] for node in graph.nodes],
        "outputs": graph.outputs,
        "returns": graph.returns,
        "sha256": _digest(tensors),
        "about": dict(about),
    }
    text = json.dumps(document, allow_nan=False)
    # Weights that are one tensor under two names are written twice: a file has no aliases.
    content = safetensors.torch.save({name: tensor.clone() for name, tensor in tensors.items()}, {"striate": text})
    temporary = path.with_name(f".unfinished-{uuid4().hex}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise ProgramError(
            f"program: the system refuses to write: {error.strerror or error}.",
            "Make room or give write permission, or name another file.",
            path=path,
        ) from error
    return path


def read_graph(path: str | Path, *, most: int = MOST) -> tuple[Graph, dict[str, Any]]:
    """Read what `write_graph` wrote, and believe nothing of it unseen.

    Args:
        path: The file.
        most: Bytes that it may have, and that any value of the network may have at its example's size.

    Returns:
        The graph, and what is known of it.

    Raises:
        ProgramError: The file is missing, damaged, newer than this version, or larger than it should be.
    """
    graph, about, forget = open_graph(path, most=most)
    return owned(graph, forget), about


class Opened(NamedTuple):
    """A file whose weights are still in it.

    Args:
        graph: Its constants lie in the file: they must not be written to, nor may the file be.
        about: What is known of it.
        forget: Lets the system have the memory of constants that were read; see `mapped.Mapped`.
    """

    graph: Graph
    about: dict[str, Any]
    forget: Callable[[], None]


def open_graph(path: str | Path, *, most: int = MOST) -> Opened:
    """Do as `read_graph`, but leave the weights in the file until they are used."""
    path = Path(path)
    try:
        size = path.stat().st_size
        found = _mapped(path) if size <= most else None
    except (OSError, ValueError) as error:  # a name may hold what no system takes
        reason = getattr(error, "strerror", None) or error
        raise ProgramError(
            f"program: {path} cannot be read: {reason}.", "Name a file that `striate compile` wrote."
        ) from error
    if found is None:
        _refuse(path, "it is larger than it may be", size=f"{size:,} bytes", most=f"{most:,} bytes")
    document, tensors = _document(path, found), found.tensors
    version = document.get("version")
    if isinstance(version, int) and version > VERSION:
        raise ProgramError(
            f"program: {path} was written by a newer version.",
            "Upgrade: pip install --upgrade striate. Or compile the model anew with this one.",
            file=version,
            known=VERSION,
        )
    try:
        if version != VERSION:
            raise ValueError(f"version {version}")
        graph, about, digest = _graph(document, tensors), dict(document["about"]), str(document["sha256"])
    except (KeyError, TypeError, ValueError, StriateError, RecursionError) as error:
        _refuse(path, "its graph is damaged", reported=f"{type(error).__name__}: {str(error).splitlines()[0]}"[:200])
    if digest != (now := _digest(tensors, found.forget)):
        _refuse(path, "its weights are not those that were written", expected=digest, found=now)
    _try_out(path, graph, most)
    return Opened(graph, about, found.forget)


def owned(graph: Graph, forget: Callable[[], None]) -> Graph:
    """Give a graph that was opened with weights of its own, which no longer need the file."""
    constants: dict[str, Tensor] = {}
    for name, tensor in graph.constants.items():
        constants[name] = tensor.clone()
        forget()
    return replace(graph, constants=constants)


def _mapped(path: Path) -> Mapped:
    try:
        return mapped(path)
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError, RecursionError) as error:
        _refuse_damaged(path, error)


def _document(path: Path, found: Mapped) -> dict[str, Any]:
    try:
        document = json.loads(found.notes["striate"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        _refuse_damaged(path, error)
    return document if isinstance(document, dict) else {}


def _refuse_damaged(path: Path, error: Exception) -> NoReturn:
    _refuse(path, "it is damaged, or no such file", reported=(str(error).splitlines() or [""])[0][:200])


def _graph(document: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Graph:
    inputs = {
        str(name): Given(_whole(given["size"]), _whole(given["free"]), int(given["step"]), str(given["reason"]))
        for name, given in document["inputs"].items()
    }
    nodes = tuple(_node(*row) for row in document["nodes"])
    return Graph(inputs, nodes, tuple(map(str, document["outputs"])), tensors, _tuples(document["returns"]))


def _node(name: str, op: str, inputs: list[str | None], options: dict[str, Any]) -> Node:
    node = Node(str(name), str(op), tuple(inputs), _tuples(options))
    if op not in OPERATIONS:
        raise ValueError(f"no operation is called {op!r}")
    inspect.signature(OPERATIONS[op]).bind(*inputs, **options)
    if op == "torch":
        function(node.options["target"])
    return node


def _whole(values: Any) -> tuple[int, ...]:
    if not all(type(value) is int and value >= 0 for value in values):
        raise ValueError(f"sizes are whole numbers, and not {values}")
    return tuple(values)


def _tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _tuples(part) for key, part in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _digest(tensors: Mapping[str, Shaped[Tensor, "..."]], read: Callable[[], None] = lambda: None) -> str:
    """Write a checksum of tensors and names; `read` is called when one was read."""
    found = hashlib.sha256()
    for name in sorted(tensors):
        found.update(f"{name}{tuple(tensors[name].shape)}".encode())
        found.update(tensors[name].contiguous().view(-1).view(torch.uint8).numpy().data)
        read()
    return found.hexdigest()


def _try_out(path: Path, graph: Graph, most: int) -> None:
    """Follow the sizes through the graph: weights that do not fit each other are found here, before anything runs."""
    try:
        sizes = shapes(graph)
    except Exception as error:  # whatever PyTorch says of numbers that make no sense
        reported = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"[:200]
        raise ProgramError(
            f"program: {path} cannot be used: its operations do not fit together.",
            "Compile the model anew.",
            reported=reported,
        ) from error
    for name, size in sizes.items():
        count = 4
        for side in size:
            count *= side
        if count > most:
            _refuse(
                path, f"its value {name!r} is larger than it may be", size=f"{count:,} bytes", most=f"{most:,} bytes"
            )


def _refuse(path: Path, reason: str, **received: object) -> NoReturn:
    raise ProgramError(f"program: {path} cannot be used: {reason}.", "Compile the model anew.", **received)
