"""models.alexnet_columns: two columns on two devices are the network of two groups on one."""

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.func import functional_call

from striate.errors import OptionError
from striate.models import AlexNet, TwoGpuAlexNet

SMALL = {"in_channels": 2, "image_size": (64, 70)}


def pair(classes=5, devices=("cpu", "cpu")):
    torch.manual_seed(0)
    return TwoGpuAlexNet(classes, **SMALL, devices=devices).eval()


@pytest.mark.parametrize("classes", [2, 5])
def test_every_stage_is_that_of_the_grouped_network(classes):
    """With the same weights: all maps and units, in the same order."""
    torch.manual_seed(1)
    whole, x = AlexNet(classes, **SMALL, groups=2).eval(), torch.randn(3, 2, 64, 70)
    columns = pair(classes)
    columns.load_whole(whole.state_dict())
    with torch.no_grad():
        for stage in whole.stages():
            want = whole.features(x, until=stage)
            torch.testing.assert_close(columns.features(x, until=stage), want, msg=lambda m, s=stage: f"{s}: {m}")
        torch.testing.assert_close(columns(x), whole(x))
        assert torch.equal(columns.features(x), columns.features(x, until="pool5"))


def test_its_weights_are_those_of_the_grouped_network():
    """The same seed draws the same weights, and they go both ways."""
    torch.manual_seed(0)
    columns = pair()
    found = columns.whole_state()
    whole = AlexNet(5, **SMALL, groups=2)
    whole.load_state_dict(found)
    columns.load_whole({name: tensor + 1 for name, tensor in whole.state_dict().items()})
    again = columns.whole_state()
    assert all(torch.equal(again[name], found[name] + 1) for name in found)
    assert sum(p.numel() for p in columns.parameters()) == sum(p.numel() for p in whole.parameters())


def test_each_column_has_half_of_the_units():
    """On the device that it was given."""
    columns = pair(devices=("cpu", "meta"))
    first, second = (list(column.parameters()) for column in columns.columns)
    assert {p.device.type for p in first} == {"cpu"}
    assert {p.device.type for p in second} == {"meta"}
    assert [p.shape for p in first[:-2]] == [p.shape for p in second[:-2]]
    assert (len(first[-1]), len(second[-1])) == (3, 2)


def run_on(first, second, columns):
    """Run the network with weights on two devices that only the tensors' book-keeping knows of."""
    columns.devices = (torch.device(first), torch.device(second))
    with FakeTensorMode(), torch.no_grad():
        placed = {
            name: torch.empty(p.shape, device=f"cuda:{name.split('.')[1]}") for name, p in columns.named_parameters()
        }
        return functional_call(columns, placed, (torch.empty(3, 2, 64, 70),))


def test_no_operation_mixes_the_devices():
    """Images come from a third one; each layer finds all that it needs on its own; the scores are on the first."""
    scores = run_on("cuda:0", "cuda:1", pair())
    assert (scores.shape, str(scores.device)) == ((3, 5), "cuda:0")


def test_mixed_devices_would_be_noticed():
    """The book-keeping refuses an operation on tensors of two devices."""
    with pytest.raises(RuntimeError, match="two devices"):
        run_on("cuda:0", "cuda:0", pair())


def test_every_parameter_learns():
    """The gradient crosses from column to column."""
    columns = pair()
    columns(torch.randn(2, 2, 64, 70))[:, 0].sum().backward()  # the first class is the first column's
    for name, parameter in columns.columns[1].named_parameters():
        assert parameter.grad.any() != name.startswith("fc8"), name


@pytest.mark.refusal
@pytest.mark.parametrize(
    ("devices", "classes"), [(("cpu",), 5), (("cpu", "cpu", "cpu"), 5), ("cpu", 5), (("cpu", "cpu"), 1)], ids=str
)
def test_what_cannot_be_halved_is_refused(devices, classes):
    """Each column needs a device, and something to tell apart."""
    with pytest.raises(OptionError) as error:
        TwoGpuAlexNet(classes, devices=devices)
    assert str(error.value) == (
        "TwoGpuAlexNet: there are two columns, and each needs a device and a class.\n"
        f"  devices  {devices}\n"
        f"  classes  {classes}\n"
        "Pass two devices, as in ('cuda:0', 'cuda:1'), and two classes or more."
    )


@pytest.mark.refusal
def test_an_unknown_stage_lists_the_known_ones():
    """As in every other network."""
    with pytest.raises(OptionError) as error:
        pair().features(torch.zeros(1, 2, 64, 70), until="conv6")
    assert str(error.value) == (
        "features: no stage is called 'conv6'.\n"
        "  network  TwoGpuAlexNet\n"
        "Choose one of: conv1, norm1, pool1, conv2, norm2, pool2, conv3, conv4, conv5, pool5, fc6, fc7, fc8."
    )
