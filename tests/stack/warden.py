"""Stops the stack when the process that owns it is gone, however it went: it holds the other end of our standard input.

A byte releases the stack (it is to stay running); the end of the input without one means that the owner ended or was killed.
"""

import subprocess
import sys
from pathlib import Path

from tests.stack import processes


class Warden:
    """The owner's end: as long as it is open, the stack may run."""

    def __init__(self, home: Path):
        self._process = subprocess.Popen([sys.executable, "-m", "tests.stack.warden", str(home)], stdin=subprocess.PIPE, start_new_session=True)

    def release(self) -> None:
        """Leaves the stack running after us."""
        self._end(b"r")

    def close(self) -> None:
        """Lets the warden stop whatever is left."""
        self._end(b"")

    def _end(self, word: bytes) -> None:
        if self._process.stdin and not self._process.stdin.closed:
            try:
                self._process.stdin.write(word)
                self._process.stdin.close()
            except BrokenPipeError:
                pass
            self._process.wait()


if __name__ == "__main__":
    if not sys.stdin.buffer.read(1):
        processes.stop_all(Path(sys.argv[1]))
