"""The JSON documents of a file: one a line, or spread over lines, or in arrays; each as the bytes that stand there."""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import orjson

_BOM: Final = b"\xef\xbb\xbf"
_SPACE: Final = re.compile(r"[ \t\r\n]*")
_NEXT: Final = re.compile(r"^[\[{]", re.MULTILINE)
_DECODER: Final = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON object: the line that it begins in, its bytes as they stand, and what is in them."""

    line: int
    value: bytes
    parsed: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Something that is no JSON object: the line, and why."""

    line: int
    why: str


def documents(lines: Iterable[bytes]) -> Iterator[Document | Unreadable]:
    """Read a file's lines, one by one as long as each is whole; from one on that is not, documents may span lines.

    After what is unreadable, reading goes on with the next line, or the next one that begins with a bracket.
    """
    numbered = enumerate(lines, 1)
    for number, line in numbered:
        line = line.removeprefix(_BOM) if number == 1 else line
        if not line.strip():
            continue
        one = _one(number, line)
        if isinstance(one, Document):
            yield one
        elif line.strip().startswith((b"{", b"[")) and (whole := _whole(line)) is not None:
            rest = [] if whole else [later for _, later in numbered]
            yield from _spread(number, b"".join([line, *rest]))
        else:
            yield one


def _whole(line: bytes) -> bool | None:
    """Whether a value ends where the line ends; None where it can't be one that goes on in the next line either."""
    text = line.decode(errors="replace").strip()
    try:
        return _DECODER.raw_decode(text)[1] == len(text)
    except RecursionError:
        return None
    except json.JSONDecodeError as why:
        return False if why.pos >= len(text) else None


def _one(line: int, value: bytes) -> Document | Unreadable:
    value = value.strip()
    try:
        parsed = orjson.loads(value)
    except orjson.JSONDecodeError as why:
        return Unreadable(line, f"not JSON: {why}")
    if not isinstance(parsed, dict):
        return Unreadable(line, "not a JSON object")
    return Document(line, value, parsed)


def _spread(first: int, content: bytes) -> Iterator[Document | Unreadable]:
    try:
        text = content.decode()
    except UnicodeDecodeError as why:
        yield Unreadable(first + content[: why.start].count(b"\n"), "not UTF-8")
        return
    reader = _Reader(text, first)
    at = reader.skip(0)
    while at < len(text):
        try:
            if text[at] == "[":
                at = yield from reader.array(at)
            else:
                end = reader.end_of(at)
                yield reader.document(at, end)
                at = end
        except ValueError as why:
            began = reader.line(at)
            wrong = why.pos if isinstance(why, json.JSONDecodeError) else at
            said = why.msg if isinstance(why, json.JSONDecodeError) else str(why)
            line = reader.line(min(wrong, len(text) - 1))
            whose = "" if line == began else f" (of what begins in line {began})"
            yield Unreadable(line, f"not JSON: {said}{whose}")
            again = _NEXT.search(text, text.find("\n", at) + 1 or len(text))
            at = again.start() if again else len(text)
        at = reader.skip(at)


class _Reader:
    """Finds where documents of a text begin and end, and in which lines."""

    def __init__(self, text: str, first: int) -> None:
        self._text = text
        self._counted = 0
        self._line = first

    def skip(self, at: int) -> int:
        """The next place that is not white space."""
        space = _SPACE.match(self._text, at)
        assert space is not None
        return space.end()

    def end_of(self, at: int) -> int:
        """Where the value that begins here ends. Raises ValueError."""
        try:
            return _DECODER.raw_decode(self._text, at)[1]
        except RecursionError:
            raise ValueError("nested too deep") from None

    def line(self, at: int) -> int:
        """The line of a place; places are asked for mostly in order."""
        if at < self._counted:
            return self._line - self._text.count("\n", at, self._counted)
        self._line += self._text.count("\n", self._counted, at)
        self._counted = at
        return self._line

    def document(self, at: int, end: int) -> Document | Unreadable:
        """The value between two places, if it is an object."""
        return _one(self.line(at), self._text[at:end].encode(errors="surrogatepass"))

    def array(self, at: int) -> Generator[Document | Unreadable, None, int]:
        """The elements of the array that begins here; returns where it ends. Raises ValueError."""
        at = self.skip(at + 1)
        if self._text[at : at + 1] == "]":
            return at + 1
        while True:
            end = self.end_of(at)
            yield self.document(at, end)
            at = self.skip(end)
            match self._text[at : at + 1]:
                case ",":
                    at = self.skip(at + 1)
                case "]":
                    return at + 1
                case _:
                    raise json.JSONDecodeError("Expecting ',' or ']' in an array", self._text, at)
