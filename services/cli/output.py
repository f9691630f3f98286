"""Standard output and error of a command, which ends with status 2 where it can't write them.

typer and rich end the process themselves where a pipe is closed, with status 1, which means something else; and what is
still held back at its end is written too late for any status. So a write that fails raises an error of ours, which they
let pass, and a command is done only once all is written.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, TextIO

from services.cli.failures import WRONG

if TYPE_CHECKING:
    from typing_extensions import Buffer

_OUT: Final = 1
_ERROR: Final = 2


class Unwritten(OSError):
    """What there is to print can't be written; ``closed`` where whoever read it has seen enough, as with `| head`."""

    def __init__(self, why: str, closed: bool) -> None:
        super().__init__(f"the output can't be written: {why}")
        self.closed = closed


class _Descriptor(io.FileIO):
    def write(self, data: Buffer, /) -> int:
        """Write. Raises Unwritten."""
        try:
            count: int | None = super().write(data)
        except OSError as why:
            raise Unwritten(why.strerror or str(why), isinstance(why, BrokenPipeError)) from None
        if count is None:
            raise Unwritten("it takes no more just now", closed=False)
        return count


@contextmanager
def written_or_failed() -> Iterator[None]:
    """Write what the block prints, or end the process with status 2 and, but for a closed pipe, one line on stderr."""
    sys.stdout, sys.stderr = _watched(sys.stdout, _OUT), _watched(sys.stderr, _ERROR)
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except Unwritten as why:
        with suppress(Unwritten):
            if not why.closed:
                print(f"stratafold: {why}", file=sys.stderr)  # noqa: T201 - the one line that the user is to read
        nothing = os.open(os.devnull, os.O_WRONLY)
        for descriptor in (_OUT, _ERROR):
            os.dup2(nothing, descriptor)  # the interpreter tries once more to write what is held back
        sys.exit(WRONG)


def _watched(stream: TextIO | None, descriptor: int) -> TextIO:
    if stream is None:  # it is closed: no file or socket may come to lie there that we would print into
        os.dup2(os.open(os.devnull, os.O_RDONLY), descriptor)
    return io.TextIOWrapper(
        io.BufferedWriter(_Descriptor(descriptor, "wb", closefd=False)),
        encoding=None if stream is None else stream.encoding,
        errors=None if stream is None else stream.errors,
        line_buffering=descriptor == _ERROR or os.isatty(descriptor),
    )
