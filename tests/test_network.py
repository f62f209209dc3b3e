"""The guard around every test that reaches beyond this machine."""

import socket
import urllib.request

import pytest


def test_the_guard_can_see():
    """A connection elsewhere, by name or by address, fails the test that opens it."""
    with pytest.raises(AssertionError, match="the network was used"):
        urllib.request.urlopen("http://example.org/")
    with socket.socket() as one, pytest.raises(AssertionError, match="the network was used"):
        one.connect(("192.0.2.1", 80))


def test_this_machine_may_be_asked():
    """A server in the same test is reached."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert client.getpeername() == server.getsockname()
