"""A cache of its own, and a server on this machine, for each test."""

import pytest
from file_server import serving


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """The folder of the weights; not there yet."""
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "weights"


@pytest.fixture
def server():
    """A server on this machine."""
    with serving() as found:
        yield found
