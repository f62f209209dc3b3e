"""compile.graph_file: a graph comes back as it was, and what is not such a file is refused in words."""

import json
import re

import pytest
import safetensors.torch
import torch
from graphs import agrees, chain, trained
from torch import nn

from striate.compile.capture import capture
from striate.compile.graph import Graph, Node
from striate.compile.graph_file import VERSION, read_graph, write_graph
from striate.compile.interpret import run
from striate.compile.passes import simplified
from striate.errors import ProgramError

W = {"w": torch.randn(4, 3, 3, 3, generator=torch.Generator().manual_seed(0))}
OPTIONS = {"stride": (1, 1), "padding": ((1, 1), (1, 1)), "dilation": (1, 1), "groups": 1}
CONV = Node("y", "conv", ("x", "w", None, None), OPTIONS)


@pytest.fixture
def file(tmp_path):
    return write_graph(tmp_path / "net.striate", chain(CONV, constants=W), {"model": "Small"})


def changed(file, change):
    """Write the file anew, with another document."""
    content = file.read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    document = json.loads(header["__metadata__"]["striate"])
    change(document)
    file.write_bytes(safetensors.torch.save(safetensors.torch.load(content), {"striate": json.dumps(document)}))


def test_a_graph_comes_back(file):
    """Equal in every part, and what is known of it."""
    graph, about = read_graph(file)
    first = chain(CONV, constants=W)
    assert (graph.inputs, graph.nodes, graph.outputs, about) == (
        first.inputs,
        first.nodes,
        first.outputs,
        {"model": "Small"},
    )
    assert graph.constants["w"].equal(W["w"])
    assert [path.name for path in file.parent.iterdir()] == ["net.striate"]


@pytest.mark.traced
def test_a_captured_network_comes_back(tmp_path):
    """With operators of PyTorch's own, sizes that are computed, several results, one tensor under two names."""

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 3, padding=1)
            self.second.weight = self.first.weight

        def forward(self, x):
            y = self.second(self.first(x)).clamp(max=float("inf"))
            return {
                "y": nn.functional.interpolate(y[:, :, ::2], x.shape[2:], mode="bilinear"),
                "z": nn.functional.mish(y),
            }

    model = trained(Model())
    graph = simplified(capture(model, torch.zeros(1, 3, 8, 8)))
    found, _ = read_graph(write_graph(tmp_path / "net", graph, {}))
    assert found.nodes == graph.nodes
    assert found.returns == graph.returns
    x = torch.randn(2, 3, 9, 12)
    torch.testing.assert_close(run(found, x), tuple(model(x).values()))
    agrees(model, (1, 3, 8, 8), change=lambda _: found)


def test_other_kinds_of_numbers_come_back(tmp_path):
    """Whole ones, halves, none, a single one."""
    kinds = {
        "a": torch.tensor(3),
        "b": torch.ones(2, dtype=torch.bfloat16),
        "c": torch.zeros(0),
        "d": torch.tensor([True]),
    }
    graph = chain(CONV, constants={**W, **kinds})
    found, _ = read_graph(write_graph(tmp_path / "net", graph, {}))
    assert all(
        found.constants[name].equal(kind) and found.constants[name].dtype == kind.dtype for name, kind in kinds.items()
    )


@pytest.mark.refusal
@pytest.mark.parametrize(
    "content", [b"", b"nothing", b"\xff" * 64, safetensors.torch.save({"w": torch.zeros(1)}),
                safetensors.torch.save({}, {"striate": "[" * 100_000}), safetensors.torch.save({}, {"striate": "[]"})],
    ids=["empty", "short", "length", "foreign", "deep", "list"],
)  # fmt: skip
def test_other_files_are_refused(tmp_path, content):
    """Whatever is in them."""
    path = tmp_path / "net"
    path.write_bytes(content)
    with pytest.raises(ProgramError) as error:
        read_graph(path)
    text = str(error.value)
    assert re.match(rf"program: {path} cannot be used: (it is damaged, or no such file|its graph is damaged)\.\n", text)
    assert text.endswith("\nCompile the model anew.")


@pytest.mark.refusal
def test_a_cut_file_and_changed_weights_are_refused(file):
    """A bit is enough."""
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(ProgramError) as error:
        read_graph(file)
    assert str(error.value).startswith(
        f"program: {file} cannot be used: its weights are not those that were written.\n  expected  "
    )
    file.write_bytes(content[:-8])
    with pytest.raises(ProgramError, match="it is damaged"):
        read_graph(file)


@pytest.mark.refusal
def test_a_newer_file_is_refused(file):
    """Its user is told to upgrade."""
    changed(file, lambda document: document.update(version=VERSION + 1))
    with pytest.raises(ProgramError) as error:
        read_graph(file)
    assert str(error.value) == (
        f"program: {file} was written by a newer version.\n  file   2\n  known  1\n"
        "Upgrade: pip install --upgrade striate. Or compile the model anew with this one."
    )


@pytest.mark.refusal
def test_a_large_file_is_refused(file):
    """Before it is read; and so is one whose values would be large."""
    size = file.stat().st_size
    with pytest.raises(ProgramError) as error:
        read_graph(file, most=100)
    assert str(error.value) == (
        f"program: {file} cannot be used: it is larger than it may be.\n"
        f"  size  {size:,} bytes\n  most  100 bytes\nCompile the model anew."
    )
    changed(file, lambda document: document["inputs"]["x"].update(size=[10**6, 3, 10**4, 10**4]))
    with pytest.raises(ProgramError) as error:
        read_graph(file)
    assert str(error.value).startswith(f"program: {file} cannot be used: its value 'x' is larger than it may be.\n")


@pytest.mark.refusal
@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["nodes"][0].__setitem__(1, "os.system"),
        lambda d: d["nodes"][0].__setitem__(2, ["x"]),
        lambda d: d["nodes"][0].__setitem__(2, ["z", "w", None, None]),
        lambda d: d["nodes"][0][3].update(evil=1),
        lambda d: d["nodes"][0][3].pop("stride"),
        lambda d: d["nodes"][0].append(1),
        lambda d: d.update(nodes=[["y", "torch", [], {"target": "aten.from_file.default", "args": [], "kwargs": {}}]]),
        lambda d: d["inputs"]["x"].update(size=[-1]),
        lambda d: d["inputs"]["x"].update(size="large"),
        lambda d: d.update(outputs=["q"]),
        lambda d: d.pop("sha256"),
        lambda d: d.pop("about"),
        lambda d: d.pop("version"),
    ],
)  # fmt: skip
def test_a_damaged_graph_is_refused(file, change):
    """Operations, inputs, options, sizes, outputs: nothing of it is believed."""
    changed(file, change)
    with pytest.raises(ProgramError, match="its graph is damaged") as error:
        read_graph(file)
    assert str(error.value).endswith("\nCompile the model anew.")


@pytest.mark.refusal
@pytest.mark.parametrize(
    "options", [{"groups": 2}, {"stride": [0, 0]}, {"stride": "wide"}, {"padding": 3}, {"activation": ["x"]}]
)
def test_operations_that_do_not_fit_are_refused(file, options):
    """They are followed in sizes alone before anything runs."""
    changed(file, lambda document: document["nodes"][0][3].update(options))
    with pytest.raises(ProgramError) as error:
        read_graph(file)
    assert str(error.value).startswith(f"program: {file} cannot be used: its operations do not fit together.\n")


@pytest.mark.refusal
def test_a_missing_file_and_a_forbidden_place_are_refused(tmp_path):
    """With the system's own reason."""
    with pytest.raises(ProgramError) as error:
        read_graph(tmp_path / "none")
    assert str(error.value) == (
        f"program: {tmp_path / 'none'} cannot be read: No such file or directory.\n"
        "Name a file that `striate compile` wrote."
    )
    with pytest.raises(ProgramError) as error:
        write_graph(tmp_path / "no" / "net", Graph({}, (), (), {}), {})
    assert str(error.value) == (
        f"program: the system refuses to write: No such file or directory.\n  path  {tmp_path / 'no' / 'net'}\n"
        "Make room or give write permission, or name another file."
    )
