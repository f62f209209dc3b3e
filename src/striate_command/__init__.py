"""The command `striate`, from its first instant.

Importing the package imports torch, which takes a second. Whoever presses Ctrl-C in that second is not to see a trace,
so this begins outside of the package.
"""

import signal
import sys

__all__ = ["main"]


def main() -> int:
    """Import the command line and run it; 130 for Ctrl-C and 143 for SIGTERM before that was done."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        from striate.cli import main as run
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 128 + signal.SIGINT
    return run()
