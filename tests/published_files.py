"""Files of weights as others publish them, written by the tests, and the rows that describe them."""

import dataclasses
import hashlib

import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from striate.models import create
from striate.models.weights import Published, Transform

__all__ = [
    "described",
    "initialiser",
    "state_dict",
    "write_onnx",
    "write_torch",
    "write_zfnet_512",
    "zfnet_512_nodes",
    "zfnet_512_tensors",
]


def state_dict(seed=1):
    """Weights for LeNet-5 that are not the ones it begins with."""
    torch.manual_seed(seed)
    return {name: torch.randn_like(tensor) for name, tensor in create("lenet5").state_dict().items()}


def described(path, **changes):
    """Make the row that says what the file is."""
    content = path.read_bytes()
    row = Published(
        model="lenet5",
        name="test",
        url=f"https://example.org/{path.name}",
        file=path.name,
        digest=hashlib.sha256(content).hexdigest(),
        mebibytes=len(content) / 2**20,
        licence="MIT",
        top1=99.0,
        top5=100.0,
        protocol="one centre crop",
        transform=Transform(),
        head=("output.weight", "output.bias"),
        classes=10,
        trained_on="these tests",
    )
    return dataclasses.replace(row, **changes)


def write_torch(path, content, *, zipped=True):
    """Write as torchvision publishes; older files are not zipped."""
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    return path


def initialiser(name, tensor):
    """Make one tensor of an ONNX file."""
    return numpy_helper.from_array(tensor.numpy(), name)


def write_onnx(path, initialisers):
    """Write as the ONNX model zoo publishes: the tensors, and a graph that is of no interest."""
    value = helper.make_tensor_value_info("data_0", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Identity", ["data_0"], ["out"])], "g", [value], [value], initialisers)
    path.write_bytes(onnx.helper.make_model(graph).SerializeToString())
    return path


def zfnet_512_nodes():
    """List the operations of the zoo's ZFNet-512, as Caffe2's exporter writes them and published listings name them."""
    nodes, before = [], "gpu_0/data_0"

    def add(operation, after, *takes, **settings):
        nonlocal before
        names = [f"gpu_0/{name}" if "_w_" in name or "_b_" in name else name for name in takes]
        nodes.append(helper.make_node(operation, [before, *names], [after], **settings))
        before = after

    def conv(layer, kernel, pad, stride):
        sizes = {"kernel_shape": [kernel] * 2, "pads": [pad] * 4, "strides": [stride] * 2}
        add("Conv", f"gpu_0/{layer}_1", f"{layer}_w_0", f"{layer}_b_0", **sizes)
        add("Relu", f"gpu_0/{layer}_2")

    def norm(number):
        add("LRN", f"gpu_0/norm{number}_1", alpha=0.0005, beta=0.75, bias=2.0, size=5)

    def pool(number, kernel):
        add("MaxPool", f"gpu_0/pool{number}_1", kernel_shape=[kernel] * 2, pads=[0] * 4, strides=[2] * 2)

    def dense(layer, after):
        add("Gemm", after, f"{layer}_w_0", f"{layer}_b_0", transB=1)

    for number, kernel in ((1, 7), (2, 5)):
        conv(f"conv{number}", kernel, 0, 2)
        norm(number)
        pool(number, 3)
    for number in (3, 4, 5):
        conv(f"conv{number}", 3, 1, 1)
    pool(5, 2)
    add("Reshape", "OC2_DUMMY_0", "OC2_DUMMY_1")
    for layer in ("fc6", "fc7"):
        dense(layer, f"gpu_0/{layer}_1")
        add("Relu", f"gpu_0/{layer}_2")
    dense("fc8", "gpu_0/pred_1")
    add("Softmax", "gpu_0/softmax_1")
    return nodes


def zfnet_512_tensors(places=1, seed=0):
    """Draw weights for images of which pool5 leaves so many places: 1 for 59 x 59, 36 for 224 x 224."""
    torch.manual_seed(seed)
    layers = {
        **{"conv1": (96, 3, 7, 7), "conv2": (256, 96, 5, 5), "conv3": (512, 256, 3, 3)},
        **{"conv4": (512, 512, 3, 3), "conv5": (512, 512, 3, 3)},
        **{"fc6": (4096, 512 * places), "fc7": (1024, 4096), "fc8": (1000, 1024)},
    }
    tensors = {}
    for layer, shape in layers.items():
        weight = torch.randn(shape)
        tensors[f"gpu_0/{layer}_w_0"] = weight * (2 / weight[0].numel()) ** 0.5
        tensors[f"gpu_0/{layer}_b_0"] = torch.randn(shape[0])
    return tensors


def write_zfnet_512(path, tensors, nodes=None, side=59):
    """Write as the zoo publishes it: weights are inputs as well, and one more tensor says how to reshape."""
    nodes = zfnet_512_nodes() if nodes is None else nodes
    features = tensors["gpu_0/fc6_w_0"].shape[1] if "gpu_0/fc6_w_0" in tensors else 512
    tensors = {**tensors, "OC2_DUMMY_1": torch.tensor([1, features])}
    kinds = {torch.float32: TensorProto.FLOAT, torch.int64: TensorProto.INT64}
    inputs = [
        helper.make_tensor_value_info("gpu_0/data_0", TensorProto.FLOAT, [1, 3, side, side]),
        *(helper.make_tensor_value_info(name, kinds[t.dtype], list(t.shape)) for name, t in tensors.items()),
    ]
    output = helper.make_tensor_value_info("gpu_0/softmax_1", TensorProto.FLOAT, [1, 1000])
    graph = helper.make_graph(nodes, "zfnet512", inputs, [output], [initialiser(*item) for item in tensors.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)], ir_version=3)
    path.write_bytes(model.SerializeToString())
    return path
