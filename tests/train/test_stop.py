"""train.stop: a signal is noted, not obeyed, until someone looks."""

import signal
import threading
from contextlib import suppress

import pytest

from striate.train.stop import StopRequest

signals = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])


@signals
def test_a_signal_is_noted(number):
    """It interrupts nothing; it is there when someone looks."""
    with StopRequest() as stop:
        assert not stop
        signal.raise_signal(number)
        assert stop
        assert stop.signal_number == number


@signals
def test_afterwards_everything_is_as_before(number):
    """Whoever handled the signals handles them again, also after an error."""
    seen = []
    before = signal.signal(number, lambda *_: seen.append(number))
    try:
        with suppress(KeyError), StopRequest():
            signal.raise_signal(number)
            raise KeyError("x")
        assert seen == []
        signal.raise_signal(number)
        assert seen == [number]
    finally:
        signal.signal(number, before)


def test_a_second_ctrl_c_stops_at_once():
    """As it always does: whoever insists is not kept waiting."""
    with StopRequest() as stop:
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert stop.signal_number == signal.SIGINT


def test_a_second_sigterm_changes_nothing():
    """Schedulers send it more than once."""
    with StopRequest() as stop:
        for _ in range(3):
            signal.raise_signal(signal.SIGTERM)
        assert stop.signal_number == signal.SIGTERM


def test_in_another_thread_it_only_waits():
    """Python catches signals in the main thread alone; elsewhere the handlers are left as they are."""
    found, before = [], signal.getsignal(signal.SIGTERM)

    def body():
        with StopRequest() as stop:
            found.append((bool(stop), signal.getsignal(signal.SIGTERM)))

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    assert found == [(False, before)]


def test_an_ignored_signal_stays_ignored():
    """A shell's background job does not hear the terminal's Ctrl-C, and neither does a run in it."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with StopRequest() as stop:
            signal.raise_signal(signal.SIGINT)
            assert not stop
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
