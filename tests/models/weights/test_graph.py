"""models.weights.graph: a file whose graph is not the network's is refused, though its weights would fit."""

import dataclasses
import hashlib
import random

import numpy as np
import pytest
import torch
from onnx import helper
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun
from published_files import described, initialiser, write_onnx, write_zfnet_512, zfnet_512_nodes, zfnet_512_tensors

from striate.errors import WeightsError
from striate.models import create
from striate.models.weights import published
from striate.models.weights.cache import published_file
from striate.models.weights.convert import convert
from striate.models.weights.graph import ZFNET_512, read_graph, require_graph, step

CONV1, POOL1 = "gpu_0/conv1_w_0, gpu_0/conv1_b_0", "auto_pad=NOTSET, ceil_mode={}, dilations=(1, 1), pads=(0, 0, 0, 0)"
WAY_OUT = "Its weights would fit, and the answers be wrong. Choose others: striate weights list"


class LRN(OpRun):
    """Response normalisation, by ONNX's text; its evaluator (1.23) takes the number of examples for that of maps."""

    op_domain = ""

    def _run(self, x, alpha=1e-4, beta=0.75, bias=1.0, size=0):
        down, up = (size - 1) // 2, size // 2
        squares = [np.square(x[:, max(0, c - down) : c + up + 1]).sum(axis=1) for c in range(x.shape[1])]
        return (x / (bias + alpha / size * np.stack(squares, axis=1)) ** beta,)


def row_of(file):
    """The table's row, for a file that the tests have written in the zoo's place."""
    content = file.read_bytes()
    changes = {"digest": hashlib.sha256(content).hexdigest(), "mebibytes": len(content) / 2**20}
    return dataclasses.replace(published("zfnet-512", "onnx-zoo"), **changes)


def in_cache(file):
    """Put a file where the published one is looked for."""
    place = published_file(row_of(file))
    place.parent.mkdir(parents=True, exist_ok=True)
    file.rename(place)
    return place


@pytest.fixture
def zoo(tmp_path, monkeypatch):
    """The row and its file for images of 59 x 59, the file in the cache."""
    file = write_zfnet_512(tmp_path / "zfnet512-12.onnx", zfnet_512_tensors())
    row = row_of(file)
    monkeypatch.setattr("striate.models.published", lambda model, name: row)
    return row, in_cache(file)


def test_the_network_answers_as_the_graph_does(zoo):
    """By ONNX's evaluator; the file takes blue first, and the picture is strong enough for contrast to matter."""
    _, file = zoo
    network = create("zfnet-512", weights="onnx-zoo", image_size=(59, 59)).eval()
    assert network.left_out == ()
    picture = 100 * torch.randn(1, 3, 59, 59)
    (logits,) = ReferenceEvaluator(str(file), new_ops=[LRN]).run(
        ["gpu_0/pred_1"], {"gpu_0/data_0": picture.flip(1).numpy()}
    )
    with torch.no_grad():
        torch.testing.assert_close(network(picture), torch.from_numpy(logits), rtol=1e-4, atol=1e-4)
        assert (network(picture.flip(1)) - torch.from_numpy(logits)).abs().max() > 0.1
        assert (network(picture / 100) - torch.from_numpy(logits)).abs().max() > 0.1


def test_other_classes_get_a_fresh_head(zoo):
    """Everything else is the file's."""
    network = create("zfnet-512", weights="onnx-zoo", image_size=(59, 59), classes=7)
    assert network.left_out == ("fc8.weight", "fc8.bias")
    assert torch.equal(network.fc7.bias, zfnet_512_tensors()["gpu_0/fc7_b_0"])


@pytest.mark.refusal
def test_weights_of_another_shape_are_refused(tmp_path, monkeypatch):
    """The paper's conv4 and conv5, in a file that is like the zoo's otherwise."""
    others = {"gpu_0/conv4_w_0": torch.zeros(1024, 512, 3, 3), "gpu_0/conv4_b_0": torch.zeros(1024)}
    others["gpu_0/conv5_w_0"] = torch.zeros(512, 1024, 3, 3)
    file = write_zfnet_512(tmp_path / "zfnet512-12.onnx", {**zfnet_512_tensors(), **others})
    row = row_of(file)
    in_cache(file)
    monkeypatch.setattr("striate.models.published", lambda model, name: row)
    with pytest.raises(WeightsError) as error:
        create("zfnet-512", weights="onnx-zoo", image_size=(59, 59))
    assert str(error.value) == (
        "weights: zfnet-512 onnx-zoo does not fit this network.\n"
        "  network      ZFNet512\n"
        "  other shape  conv4.weight 1024 x 512 x 3 x 3, not 512 x 512 x 3 x 3, conv4.bias 1024, not 512, "
        "conv5.weight 512 x 1024 x 3 x 3, not 512 x 512 x 3 x 3\n"
        "Name the network that they were trained for, with the same options."
    )


def told(node, **settings):
    """Change what a node is told."""
    kept = [given for given in node.attribute if given.name not in settings]
    del node.attribute[:]
    node.attribute.extend([*kept, *(helper.make_attribute(*item) for item in settings.items() if item[1] is not None)])


def swapped(nodes):
    """Pool, then normalise, as the paper does."""
    nodes[2], nodes[3] = nodes[3], nodes[2]
    nodes[2].input[0], nodes[2].output[0] = "gpu_0/conv1_2", "gpu_0/pooled"
    nodes[3].input[0], nodes[3].output[0] = "gpu_0/pooled", "gpu_0/pool1_1"


# What is changed; where that is found, what is expected there, and what is found.
CHANGES = {
    "padded": (
        lambda nodes: told(nodes[0], pads=[1, 1, 1, 1]),
        1,
        f"Conv({CONV1}, auto_pad=NOTSET, dilations=(1, 1), group=1, pads=(0, 0, 0, 0), strides=(2, 2), "
        "kernel_shape=(7, 7))",
        f"Conv({CONV1}, auto_pad=NOTSET, dilations=(1, 1), group=1, pads=(1, 1, 1, 1), strides=(2, 2), "
        "kernel_shape=(7, 7))",
    ),
    "constant": (
        lambda nodes: told(nodes[2], alpha=1e-4),
        3,
        "LRN(alpha=0.0005, beta=0.75, bias=2.0, size=5)",
        "LRN(alpha=0.0001, beta=0.75, bias=2.0, size=5)",
    ),
    "default": (
        lambda nodes: told(nodes[2], bias=None),
        3,
        "LRN(alpha=0.0005, beta=0.75, bias=2.0, size=5)",
        "LRN(alpha=0.0005, beta=0.75, bias=1.0, size=5)",
    ),
    "order": (
        swapped,
        3,
        "LRN(alpha=0.0005, beta=0.75, bias=2.0, size=5)",
        f"MaxPool({POOL1.format(0)}, storage_order=0, strides=(2, 2), kernel_shape=(3, 3))",
    ),
    "partial windows": (
        lambda nodes: told(nodes[3], ceil_mode=1),
        4,
        f"MaxPool({POOL1.format(0)}, storage_order=0, strides=(2, 2), kernel_shape=(3, 3))",
        f"MaxPool({POOL1.format(1)}, storage_order=0, strides=(2, 2), kernel_shape=(3, 3))",
    ),
    "not the one before": (
        lambda nodes: nodes[1].input.__setitem__(0, "gpu_0/data_0"),
        2,
        "Relu()",
        "Relu(gpu_0/data_0)",
    ),
    "other weights": (
        lambda nodes: nodes[18].input.__setitem__(1, "gpu_0/fc8_w_0"),
        19,
        "Gemm(gpu_0/fc7_w_0, gpu_0/fc7_b_0, alpha=1.0, beta=1.0, transA=0, transB=1)",
        "Gemm(gpu_0/fc8_w_0, gpu_0/fc7_b_0, alpha=1.0, beta=1.0, transA=0, transB=1)",
    ),
    "of another house": (lambda nodes: setattr(nodes[1], "domain", "org.example"), 2, "Relu()", "org.example.Relu()"),
    "unknown setting": (lambda nodes: told(nodes[1], slope="0.1"), 2, "Relu()", "Relu(slope=0.1)"),
    "one more": (
        lambda nodes: nodes.append(helper.make_node("Relu", ["gpu_0/softmax_1"], ["out"])),
        23,
        "nothing more",
        "Relu()",
    ),
    "one less": (lambda nodes: nodes.pop(), 22, "Softmax(axis=1)", "nothing more"),
}


@pytest.mark.refusal
@pytest.mark.parametrize(("change", "place", "expected", "found"), CHANGES.values(), ids=CHANGES)
def test_a_graph_that_computes_something_else_is_refused(tmp_path, change, place, expected, found):
    """The first step that differs is shown, as it is and as it should be."""
    nodes = zfnet_512_nodes()
    change(nodes)
    path = write_zfnet_512(tmp_path / "net.onnx", {"w": torch.ones(1)}, nodes)
    with pytest.raises(WeightsError) as error:
        require_graph(path, ZFNET_512)
    assert str(error.value) == (
        "weights: net.onnx computes something else than the network here.\n"
        f"  path      {path}\n  step      {place} of 22\n  expected  {expected}\n  found     {found}\n{WAY_OUT}"
    )


@pytest.mark.refusal
def test_it_is_refused_before_its_weights_are_read(tmp_path, cache):
    """Nothing of it is kept."""
    path = write_onnx(tmp_path / "net.onnx", [initialiser("gpu_0/conv1_w_0", torch.ones(2))])
    with pytest.raises(WeightsError, match="computes something else"):
        convert(described(path, form="onnx", graph=ZFNET_512), path)
    assert not cache.exists()


def test_the_same_said_at_more_length_is_the_same(tmp_path):
    """What is ONNX's anyway may be written down, and weights need not be inputs."""
    nodes = zfnet_512_nodes()
    told(nodes[0], group=1, dilations=[1, 1], auto_pad="NOTSET")
    told(nodes[3], ceil_mode=0, storage_order=0)
    told(nodes[16], alpha=1.0, beta=1.0, transA=0)
    told(nodes[21], axis=1)
    require_graph(write_zfnet_512(tmp_path / "net.onnx", {"w": torch.ones(1)}, nodes), ZFNET_512)


@pytest.mark.parametrize(
    ("node", "setting"),
    [
        (0, {"group": 2}),
        (0, {"dilations": [1, 2]}),
        (0, {"auto_pad": "SAME_UPPER"}),
        (3, {"storage_order": 1}),
        (16, {"alpha": 2.0}),
        (16, {"transA": 1}),
        (21, {"axis": 2}),
    ],
)
def test_what_is_said_otherwise_is_another(tmp_path, node, setting):
    """The same settings with other values."""
    nodes = zfnet_512_nodes()
    told(nodes[node], **setting)
    with pytest.raises(WeightsError, match="computes something else"):
        require_graph(write_zfnet_512(tmp_path / "net.onnx", {"w": torch.ones(1)}, nodes), ZFNET_512)


def test_a_step_has_all_settings():
    """Those that are given, and ONNX's."""
    assert step("Gemm", "w", transB=1) == (
        "Gemm",
        ("w",),
        {"alpha": 1.0, "beta": 1.0, "transA": 0, "transB": 1},
    )
    assert str(step("Relu")) == "Relu()"


@pytest.mark.refusal
def test_a_setting_that_is_told_elsewhere_is_refused(tmp_path):
    """In a function that the file may define: the zoo's has none."""
    nodes = zfnet_512_nodes()
    nodes[1].attribute.add(name="slope", ref_attr_name="given")
    path = write_zfnet_512(tmp_path / "net.onnx", {"w": torch.ones(1)}, nodes)
    with pytest.raises(WeightsError) as error:
        require_graph(path, ZFNET_512)
    assert str(error.value) == (
        "weights: net.onnx is refused: its graph is damaged.\n"
        f"  path      {path}\n"
        '  reported  ValueError: Cannot get value of reference attribute: name: "slope"\n'
        "It is not the published file, whatever its name. Remove it and fetch it again, or choose other weights."
    )


def test_a_damaged_graph_is_refused_or_the_same_never_anything_else(tmp_path):
    """Cut anywhere, or one byte changed anywhere: our own error, or a graph that computes this."""
    whole = write_zfnet_512(tmp_path / "whole.onnx", {"w": torch.ones(1)}).read_bytes()
    damaged, refusals, chance = tmp_path / "net.onnx", 0, random.Random(0)
    for i in range(300):
        content = bytearray(whole)
        if i % 3:
            content[chance.randrange(len(content))] = chance.randrange(256)
        else:
            del content[chance.randrange(len(content)) :]
        damaged.write_bytes(content)
        try:
            require_graph(damaged, ZFNET_512)
        except WeightsError:
            refusals += 1
    assert refusals > 100


def test_a_graph_is_read_and_nothing_else(tmp_path):
    """With the package that knows it."""
    package, graph = read_graph(write_zfnet_512(tmp_path / "net.onnx", {"w": torch.ones(1)}))
    assert package.__name__ == "onnx"
    assert [node.op_type for node in graph.node] == [known.operation for known in ZFNET_512]
