"""cli.weights: list, get, check."""

import dataclasses
import io
import re
from contextlib import redirect_stderr

import pytest
from file_server import serving
from published_files import described, state_dict, write_torch

from striate.cli import weights as command
from striate.models.weights import WEIGHTS, table


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """The folder of the weights."""
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "weights"


@pytest.fixture
def row(tmp_path, monkeypatch, cache):
    """A row of the table; its file was put into the cache by hand."""
    cache.mkdir(parents=True)
    found = described(write_torch(cache / "net.pth", state_dict()))
    monkeypatch.setattr(table, "WEIGHTS", (found,))
    monkeypatch.setattr(command, "WEIGHTS", (found,))
    return found


def test_the_list_has_a_line_for_every_row(striate):
    """With accuracies, transform, size and licence; without a network."""
    status, out, err = striate("weights", "list")
    assert (status, err) == (0, "")
    for row in WEIGHTS:
        assert re.search(rf"^{row.model} +{row.name} ", out, re.MULTILINE), row
    assert re.search(
        r"^resnet50 +imagenet1k-v2 +80\.86 % +95\.43 % +resize 232, crop 224 +103  BSD-3-Clause", out, re.MULTILINE
    )
    assert "here" not in out
    assert re.search(
        r"^lenet5 +digits +99\.16 % +- +crop 32 x 32 +0\.2  Apache-2\.0 +in the package", out, re.MULTILINE
    )
    assert re.search(r"^resnet20 +digits +\d\d\.\d\d % +- +crop 16 x 16 +1\.1 ", out, re.MULTILINE)


def test_the_list_can_be_of_one_network(striate):
    """Or of one row."""
    _, out, _ = striate("weights", "list", "resnet101")
    assert out.count("\nresnet") == 2
    _, out, _ = striate("weights", "list", "resnet101", "imagenet1k-v2")
    assert out.count("\nresnet") == 1
    status, out, _ = striate("weights", "list", "resnet20")
    assert (status, out.count("\nresnet"), "ImageNet" in out) == (0, 1, False)


def test_what_comes_with_the_package_is_not_fetched(striate, monkeypatch):
    """It is said how to use it."""
    monkeypatch.setattr(command, "fetch", pytest.fail)
    assert striate("weights", "get", "resnet20", "digits") == (
        0,
        "weights   resnet20 digits\nkept      in the package: there is nothing to get\nlicence   Apache-2.0\n"
        "use       create('resnet20', weights='digits')\n",
        "",
    )


def test_what_is_got_is_here_and_whole(striate, row, cache):
    """`get` says where it is, whose it is, and how to use it."""
    kept = cache / "lenet5.test.safetensors"
    assert striate("weights", "get", "lenet5", "test") == (
        0,
        f"weights   lenet5 test\nkept      {kept}\nlicence   MIT\nuse       create('lenet5', weights='test')\n",
        "",
    )
    assert "here" in striate("weights", "list")[1]
    assert striate("weights", "check") == (0, f"whole    {kept}\nwhole    {cache / 'net.pth'}\n", "")


def test_damage_is_an_error(striate, row, cache):
    """Named on standard error; the status is 1."""
    striate("weights", "get", "lenet5", "test")
    (cache / "net.pth").write_bytes(b"")
    status, out, err = striate("weights", "check")
    assert (status, out) == (1, f"whole    {cache / 'lenet5.test.safetensors'}\ndamaged  {cache / 'net.pth'}\n")
    assert err.startswith("error: weights: net.pth is refused: its digest is not the published one.\n")


def test_an_empty_cache_is_said_to_be_that(striate, cache):
    """It is no error."""
    assert striate("weights", "check") == (0, f"there are none in {cache}\n", "")


def test_a_download_is_announced_where_there_is_no_terminal(row, striate, cache, monkeypatch):
    """One line on standard error, however many pieces come."""
    with serving() as server:
        away = dataclasses.replace(row, url=server.publish("net.pth", (cache / "net.pth").read_bytes()))
        (cache / "net.pth").unlink()
        monkeypatch.setattr(table, "WEIGHTS", (away,))
        status, _, err = striate("weights", "get", "lenet5", "test")
    assert (status, err) == (0, f"fetching {away.url}\n")


class Terminal(io.StringIO):
    """A terminal that remembers."""

    def isatty(self):
        return True


def test_on_a_terminal_a_bar_is_drawn_and_taken_away(row, monkeypatch):
    """Megabytes of megabytes."""
    monkeypatch.setenv("TERM", "xterm")
    with redirect_stderr(Terminal()) as said, command._bar(row) as told:
        told(1_000_000, 4_000_000)
        told(4_000_000, 4_000_000)
    assert "4.0/4.0 MB" in said.getvalue()


@pytest.mark.refusal
@pytest.mark.parametrize(
    ("words", "error"),
    [
        (
            ("get",),
            "weights: get takes a network and the name of its weights.\n"
            "The list has both, as in: striate weights get resnet18 imagenet1k-v1\n",
        ),
        (
            ("get", "lenet5"),
            "weights: get takes a network and the name of its weights.\n  model  lenet5\n"
            "The list has both, as in: striate weights get resnet18 imagenet1k-v1\n",
        ),
        (
            ("get", "lenet5", "letters"),
            "weights: none for lenet5 are called 'letters'.\n  weights  letters\nChoose one of: test.\n",
        ),
        (
            ("list", "resnet19"),
            "weights: nobody has published weights for 'resnet19', as far as the table knows.\n"
            "  model  resnet19\nChoose one of: lenet5.\n",
        ),
    ],
)
def test_what_is_not_understood_is_told(striate, row, words, error):
    """The status is 2."""
    assert striate("weights", *words) == (2, "", f"error: {error}")
