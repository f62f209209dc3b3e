"""models.weights.download: what comes is what was published, or is told; a cut costs nothing."""

import errno
import fcntl
import urllib.error
import urllib.request
from http.client import HTTPMessage

import pytest

from striate.errors import WeightsError
from striate.models.weights.download import _StayEncrypted, download

CONTENT = bytes(range(256)) * 4096  # 1 MiB
MOST = 2 * len(CONTENT)
BY_HAND = "By hand: put it there."


def fetch(url, part, **options):
    """Download, and list what was told."""
    heard = []
    download(
        url, part, by_hand=BY_HAND, told=lambda done, total: heard.append((done, total)), **{"most": MOST} | options
    )
    return heard


def test_the_whole_file_comes_and_is_told(server, tmp_path):
    """Progress never goes back and ends at the whole."""
    url, part = server.publish("net.pth", CONTENT), tmp_path / "new" / "net.pth.part"
    heard = fetch(url, part)
    assert part.read_bytes() == CONTENT
    assert heard == sorted(heard)
    assert heard[-1] == (len(CONTENT), len(CONTENT))
    assert server.asked == [None]


@pytest.mark.refusal
@pytest.mark.parametrize("cuts", [[1], [1000], [300_000, 300_000], [len(CONTENT) - 1]], ids=str)
def test_after_a_cut_it_goes_on(server, tmp_path, cuts):
    """Each call asks for what is not there yet; nothing is fetched twice."""
    url, part = server.publish("net.pth", CONTENT), tmp_path / "part"
    server.cut = list(cuts)
    for i in range(len(cuts)):
        with pytest.raises(WeightsError) as error:
            fetch(url, part)
        assert str(error.value) == (
            "weights: the connection was cut.\n"
            f"  url       {url}\n"
            f"  received  {sum(cuts[: i + 1]):,} of 1,048,576 bytes\n"
            "Check the connection and run the same command again: it goes on from there."
        )
    fetch(url, part)
    assert part.read_bytes() == CONTENT
    assert server.asked == [None, *(f"bytes={sum(cuts[: i + 1])}-" for i in range(len(cuts)))]


def test_a_server_without_ranges_begins_anew(server, tmp_path):
    """What was there is replaced, not prolonged."""
    url, part = server.publish("net.pth", CONTENT), tmp_path / "part"
    server.ranges = False
    part.write_bytes(b"x" * 1000)
    fetch(url, part)
    assert part.read_bytes() == CONTENT
    assert server.asked == ["bytes=1000-"]


@pytest.mark.parametrize("there", [CONTENT, CONTENT + b"more"], ids=["whole", "longer"])
def test_a_part_after_which_nothing_comes_is_fetched_anew(server, tmp_path, there):
    """It is whole, or it is of another file; either way the outcome is the published one."""
    url, part = server.publish("net.pth", CONTENT), tmp_path / "part"
    part.write_bytes(there)
    fetch(url, part)
    assert part.read_bytes() == CONTENT
    assert server.asked == [f"bytes={len(there)}-", None]


def test_a_server_that_does_not_say_how_long_is_believed_when_it_ends(server, tmp_path):
    """The total is then 0; whether it is the whole, the digest tells."""
    url, part = server.publish("net.pth", CONTENT), tmp_path / "part"
    server.length = False
    heard = fetch(url, part)
    assert part.read_bytes() == CONTENT
    assert heard[-1] == (len(CONTENT), 0)


@pytest.mark.refusal
def test_what_is_not_there_is_told_with_the_other_way(server, tmp_path):
    """The server's answer, and how to do without it."""
    with pytest.raises(WeightsError) as error:
        fetch(f"{server.address}/none.pth", tmp_path / "part")
    assert str(error.value) == (
        "weights: the server has not got the file.\n"
        f"  url     {server.address}/none.pth\n"
        "  answer  404 Not Found\n"
        "By hand: put it there."
    )


@pytest.mark.refusal
def test_an_address_that_does_not_answer_is_told_with_the_other_way(tmp_path):
    """As without a network."""
    with pytest.raises(WeightsError) as error:
        fetch("http://127.0.0.1:9/net.pth", tmp_path / "part")
    assert str(error.value) == (
        "weights: the address cannot be reached.\n"
        "  url       http://127.0.0.1:9/net.pth\n"
        "  reported  [Errno 111] Connection refused\n"
        "By hand: put it there."
    )


@pytest.mark.refusal
@pytest.mark.parametrize("length", [True, False])
def test_more_than_the_file_can_have_is_refused(server, tmp_path, length):
    """Before it comes, if the server says how much it is; otherwise as soon as it is too much."""
    url, part = server.publish("net.pth", CONTENT), tmp_path / "part"
    server.length = length
    with pytest.raises(WeightsError) as error:
        fetch(url, part, most=1000)
    assert str(error.value) == (
        "weights: the server sends more than the file has.\n"
        f"  url       {url}\n"
        "  received  1,048,576 bytes or more\n"
        "  most      1,000 bytes\n"
        "It is not the published file. Look up what is at that address now."
    )
    assert part.stat().st_size <= 1000


@pytest.mark.refusal
def test_two_processes_do_not_write_into_one_part(server, tmp_path):
    """The second is told; the first is not disturbed."""
    url, part = server.publish("net.pth", CONTENT), tmp_path / "part"
    with part.open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(WeightsError) as error:
            fetch(url, part)
    assert str(error.value) == (
        f"weights: another process is fetching this file.\n  path  {part}\nWait until it is done."
    )
    assert server.asked == []
    fetch(url, part)


class FullDisk:
    """A file on a disk that is full."""

    def __init__(self, file):
        self.file = file

    def __getattr__(self, name):
        return getattr(self.file, name)

    def __enter__(self):
        return self

    def __exit__(self, *raised):
        self.file.close()

    def write(self, piece):
        """Fail."""
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.refusal
def test_a_full_disk_is_told(server, tmp_path, monkeypatch):
    """And what had come is still there to go on from."""
    url, part = server.publish("net.pth", CONTENT), tmp_path / "part"
    part.write_bytes(CONTENT[:1000])
    opened = type(part).open
    monkeypatch.setattr(type(part), "open", lambda self, *a: FullDisk(opened(self, *a)))
    with pytest.raises(WeightsError) as error:
        fetch(url, part)
    monkeypatch.undo()
    assert str(error.value) == (
        "weights: the system refuses to write a download: No space left on device.\n"
        f"  path  {part}\n"
        "Make room or give write permission, or name another folder in STRIATE_CACHE."
    )
    assert part.read_bytes() == CONTENT[:1000]


@pytest.mark.refusal
def test_a_folder_that_cannot_be_is_told(server, tmp_path):
    """Here a file is in the way."""
    (tmp_path / "file").write_text("")
    url, part = server.publish("net.pth", CONTENT), tmp_path / "file" / "part"
    with pytest.raises(WeightsError) as error:
        fetch(url, part)
    assert str(error.value) == (
        "weights: the system refuses to make room for a download: File exists.\n"
        f"  path  {part}\n"
        "Make room or give write permission, or name another folder in STRIATE_CACHE."
    )


def test_a_server_may_send_elsewhere(server, tmp_path):
    """As releases do, which lie on other servers than their addresses."""
    server.moved["/here.pth"] = server.publish("there.pth", CONTENT)
    fetch(f"{server.address}/here.pth", tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == CONTENT


def test_nobody_is_led_out_of_encryption():
    """From https only to https."""
    asked = urllib.request.Request("https://example.org/net.pth")
    with pytest.raises(urllib.error.URLError, match="which is not encrypted"):
        _StayEncrypted().redirect_request(asked, None, 302, "Found", HTTPMessage(), "http://example.org/net.pth")
    followed = _StayEncrypted().redirect_request(
        asked, None, 302, "Found", HTTPMessage(), "https://example.com/net.pth"
    )
    assert followed.full_url == "https://example.com/net.pth"
