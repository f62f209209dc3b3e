"""Being asked to stop: a signal is noted when it comes, and obeyed when everything is in order."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Final

__all__ = ["StopRequest"]

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """Within it, Ctrl-C and SIGTERM only set `signal_number`; a second Ctrl-C stops at once, as it always does.

    Outside the main thread, where Python cannot catch signals, it stays None.

    Example:
        >>> with StopRequest() as stop:
        ...     signal.raise_signal(signal.SIGTERM)
        ...     stop.signal_number
        15
    """

    def __init__(self) -> None:
        self.signal_number: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "StopRequest":
        if threading.current_thread() is threading.main_thread():
            # One that is ignored stays ignored: a shell's background jobs are not to hear the terminal's Ctrl-C.
            heard = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
            self._before = {number: signal.signal(number, self._note) for number in heard}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def __bool__(self) -> bool:
        return self.signal_number is not None

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.signal_number is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal_number = number
