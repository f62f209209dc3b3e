"""compile.compiled: a model becomes a program, and a program a file, and all of them answer alike."""

import threading
from itertools import pairwise

import pytest
import torch
from graphs import trained
from torch import nn
from torchvision_oracle import torchvision

from striate import compile, load_program  # noqa: A004 - its name
from striate.errors import OptionError, ProgramError, ShapeError, StriateError
from striate.models import create

pytestmark = pytest.mark.traced


class Residual(nn.Module):
    """What most networks are made of."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(True))
        self.body = nn.Sequential(nn.Conv2d(8, 8, 3, 1, 1), nn.BatchNorm2d(8))
        self.head = nn.Linear(8, 5)

    def forward(self, x):
        x = self.stem(x)
        x = (x + self.body(x)).relu()
        return {"scores": self.head(x.mean((2, 3))), "maps": x}


class Ladder(nn.Module):
    """A U-Net: down, up again, and joined with what was before."""

    def __init__(self, widths=(8, 16, 24)):
        super().__init__()
        self.down = nn.ModuleList(block(a, b) for a, b in zip((3, *widths), widths, strict=False))
        self.rise = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, 2) for a, b in pairwise(widths))
        self.up = nn.ModuleList(block(2 * a, a) for a in widths[:-1])
        self.last = nn.Conv2d(widths[0], 2, 1)

    def forward(self, x):
        before = []
        for block in self.down[:-1]:
            before.append(block(x))
            x = nn.functional.max_pool2d(before[-1], 2)
        x = self.down[-1](x)
        for rise, block, kept in zip(reversed(self.rise), reversed(self.up), reversed(before), strict=True):
            x = block(torch.cat([kept, rise(x)], 1))
        return self.last(x)


def block(inputs, outputs):
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


def images_of(*size, seed=0):
    return torch.randn(size, generator=torch.Generator().manual_seed(seed))


def test_a_program_stands_where_the_model_stood():
    """It returns what the model returns, for every size."""
    model = trained(Residual())
    program = compile(model, images_of(1, 3, 16, 16))
    for size in ((1, 3, 16, 16), (4, 3, 16, 16), (2, 3, 21, 18)):
        images = images_of(*size)
        with torch.no_grad():
            expected, found = model(images), program(images)
        assert list(found) == ["scores", "maps"]
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["squeezenet1_1", "mobilenet_v3_small", "shufflenet_v2_x0_5"])
def test_other_peoples_networks_run(name):
    """Logits within the tolerance, the first class the same."""
    model = trained(torchvision.models.get_model(name, num_classes=10))
    program, images = compile(model, images_of(1, 3, 64, 64)), images_of(3, 3, 64, 96)
    with torch.no_grad():
        expected = model(images)
    found = program(images)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)
    assert found.argmax(1).equal(expected.argmax(1))


def test_a_file_answers_as_the_program(tmp_path):
    """Bit by bit; it knows its source and how exact it is."""
    program = compile(trained(Residual()), images_of(1, 3, 16, 16), accuracy="exact")
    loaded = load_program(program.save(tmp_path / "net.striate"))
    images = images_of(2, 3, 20, 20)
    assert all(a.equal(b) for a, b in zip(loaded.run(images), program.run(images), strict=True))
    assert (loaded.source, loaded.choice.accuracy, loaded.wanted) == ("Residual", "exact", program.wanted)


def test_a_small_program_answers_alike(tmp_path):
    """From a file that says so, or whoever loads it; also for sizes met later, when the file has lost its name."""
    model = trained(Residual())
    path = compile(model, images_of(1, 3, 16, 16), memory="small").save(tmp_path / "net")
    small, fast = load_program(path), load_program(path, memory="fast")
    assert [each.choice.memory for each in (small, fast)] == ["small", "fast"]
    path.unlink()
    for size in ((1, 3, 16, 16), (2, 3, 20, 24)):
        images = images_of(*size)
        with torch.no_grad():
            expected = model(images)
        torch.testing.assert_close(small(images), expected, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(fast(images), expected, rtol=1e-4, atol=1e-5)
    assert load_program(small.save(path), memory="small")(images)["maps"].equal(small(images)["maps"])


@pytest.mark.refusal
def test_another_use_of_memory_is_refused(tmp_path):
    """By name."""
    for call in (lambda: compile(nn.ReLU(), images_of(1, 2), memory="no"), lambda: load_program(tmp_path, memory="no")):
        with pytest.raises(OptionError) as error:
            call()
        assert str(error.value) == (
            "program: memory is used as is fastest, or as little as can be.\n  memory  'no'\n"
            "Choose one of: fast, small."
        )


def test_a_file_that_is_none_is_refused(tmp_path):
    """By what reads graphs."""
    (tmp_path / "net").write_bytes(b"nothing")
    with pytest.raises(ProgramError, match="it is damaged"):
        load_program(tmp_path / "net")


def test_threads_share_a_program():
    """Each gets its own answer."""
    program = compile(trained(Residual()), images_of(1, 3, 16, 16))
    given = [images_of(1, 3, 16, 16, seed=i) for i in range(8)]
    alone = [program(images)["scores"] for images in given]
    wrong: list[int] = []

    def work(i):
        for _ in range(20):
            if not program(given[i])["scores"].equal(alone[i]):
                wrong.append(i)

    workers = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


def test_how_much_is_done_is_told():
    """More and more, of a hundred; while it is measured as well."""
    told: list[tuple[int, int]] = []
    compile(nn.Conv2d(3, 4, 3), images_of(1, 3, 8, 8), tune=0.1, told=lambda *done: told.append(done))
    done = [part for part, _ in told]
    assert done == sorted(done)
    assert (done[0], done[-1]) == (0, 100)
    assert any(40 < part < 90 for part in done)
    assert {total for _, total in told} == {100}


def test_a_tuned_program_answers_alike(tmp_path):
    """What was measured is in its file."""
    model, images = trained(Residual()), images_of(1, 3, 16, 16)
    program = compile(model, images, tune=0.1)
    loaded = load_program(program.save(tmp_path / "net"))
    assert loaded.wanted == program.wanted
    with torch.no_grad():
        torch.testing.assert_close(loaded(images), model(images), rtol=1e-4, atol=1e-5)


def test_our_networks_run():
    """A plain one and a residual one, of the package."""
    for name, size in (("lenet5", (1, 32, 32)), ("resnet20", (3, 32, 32))):
        model = create(name).eval()
        images = images_of(3, *size)
        with torch.no_grad():
            torch.testing.assert_close(compile(model, images[:1])(images), model(images), rtol=1e-4, atol=1e-5)


@pytest.mark.refusal
def test_another_answer_is_an_error(monkeypatch):
    """What is verified is the program that is returned."""
    from striate.compile import compiled

    monkeypatch.setattr(
        compiled, "simplified", lambda graph: graph.without({graph.nodes[-1].name: graph.nodes[-1].inputs[0]})
    )
    with pytest.raises(StriateError, match="compile: the program does not answer as the model does"):
        compile(nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU()), images_of(1, 3, 4, 4))


@pytest.mark.refusal
def test_sizes_that_are_not_free_are_refused():
    """The program says which it takes, and why no others."""
    program = compile(trained(nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(72, 4))), images_of(1, 3, 8, 8))
    assert program.takes([images_of(7, 3, 8, 8)])
    assert not program.takes([images_of(1, 3, 9, 9)])
    with pytest.raises(ShapeError, match="an input is not of the size"):
        program(images_of(1, 3, 9, 9))
    with pytest.raises(OptionError):
        compile(nn.ReLU(), ())
