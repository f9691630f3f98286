"""Reading files of JSON: each document as its bytes stand, each fault with its line, no document lost to one."""

from __future__ import annotations

import json
import tracemalloc
from io import BytesIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.cli import documents as documents_module
from services.cli.documents import Document, Unreadable, documents, pieces


def _read(content: bytes) -> list[tuple[int, bytes | str]]:
    found = documents(content.splitlines(keepends=True))
    return [(one.line, one.value if isinstance(one, Document) else one.why) for one in found]


def test_each_line_is_a_document_as_it_stands() -> None:
    content = b'{"b": 1.50, "a": 1}\n\n  {"x" : "\xc3\xa9"}\r\n{}'
    assert _read(content) == [(1, b'{"b": 1.50, "a": 1}'), (3, b'{"x" : "\xc3\xa9"}'), (4, b"{}")]


def test_documents_over_several_lines_and_arrays_keep_their_bytes_and_lines() -> None:
    content = b'{\n "a": 1.50\n}\n[\n {"b": [1, {"c": "]}"}]},\n\n {"d": 1e2}\n]\n[]\n{"e": 1}\n'
    assert _read(content) == [
        (1, b'{\n "a": 1.50\n}'),
        (5, b'{"b": [1, {"c": "]}"}]}'),
        (7, b'{"d": 1e2}'),
        (10, b'{"e": 1}'),
    ]


@pytest.mark.parametrize(
    ("content", "faults", "whole"),
    [
        (b'{"a":1}\nbroken\n{"b":2}\n', [2], 2),
        (b'broken\n{"b":2}\n{"c":3}\n', [1], 2),
        (b'{"a":1}\n[1]\n"x"\n{"b":2}\n', [2, 3], 2),
        (b'{"a":1}\n{"a":NaN}\n{"b":2}\n', [2], 2),
        (b'{"a":1}\n{"a":"\xff"}\n', [2], 1),
        (b'{\n"a": \xff}', [2], 0),
        (b'[{"a":1}, 2, {"b":3}]', [1], 2),
        (b'[{"a":1}\n {"b":3}]\n{"c": 1}', [2], 2),
        (b'[{"a":1},', [1], 1),
        (b"[", [1], 0),
        (b'{\n "a": 1,\n}\n{\n "b": 2\n}\n', [3], 1),
        (b'[\n{"a":1},\n{"b":}\n]\n{"c":1}', [3], 2),
        (b'[{"a":1},{"b":"\xff"},{"c":1}]', [1], 2),
        (b"[" * 100_000, [1], 0),
        (b'{"a":' * 100_000, [1], 0),
    ],
)
def test_a_fault_is_told_with_its_line_and_the_rest_is_read(
    content: bytes, faults: list[int], whole: int
) -> None:
    found = list(documents(content.splitlines(keepends=True)))
    assert [one.line for one in found if isinstance(one, Unreadable)] == faults
    assert sum(isinstance(one, Document) for one in found) == whole
    assert all(one.why for one in found if isinstance(one, Unreadable))


def test_a_byte_order_mark_and_nothing_at_all_are_no_faults() -> None:
    assert _read(b'\xef\xbb\xbf{"a":1}\n') == [(1, b'{"a":1}')]
    assert _read(b"") == []
    assert _read(b" \n\n") == []


_OBJECTS = st.lists(
    # an integer beyond 64 bits is read as a float; its bytes are sent as they are all the same
    st.dictionaries(st.text(max_size=5), st.integers(-(2**63), 2**64 - 1) | st.text(max_size=5), max_size=3),
    min_size=1,
)


@given(_OBJECTS, st.sampled_from(["lines", "pretty", "array", "pretty array"]))
def test_however_objects_are_laid_out_all_are_found_in_order(
    objects: list[dict[str, object]], layout: str
) -> None:
    indent = 2 if layout.startswith("pretty") else None
    texts = [json.dumps(one, indent=indent) for one in objects]
    content = ("[" + ",\n".join(texts) + "]" if layout.endswith("array") else "\n".join(texts)).encode()
    found = list(documents(content.splitlines(keepends=True)))
    assert [one.parsed for one in found if isinstance(one, Document)] == objects
    assert b"".join(one.value for one in found if isinstance(one, Document)).decode() == "".join(texts)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of 8 bytes, and 16 characters read ahead."""
    monkeypatch.setattr(documents_module, "_PIECE", 8)
    monkeypatch.setattr(documents_module, "_AHEAD", 16)


@pytest.mark.usefixtures("small")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_OBJECTS, st.sampled_from(["lines", "pretty", "array", "pretty array"]), st.sampled_from(["", "é"]))
def test_however_little_is_held_at_a_time_the_same_is_found(
    objects: list[dict[str, object]], layout: str, more: str
) -> None:
    """Lines come in pieces that end anywhere, amid a character too."""
    objects = [{more: 1}, *objects]
    indent = 2 if layout.startswith("pretty") else None
    texts = [json.dumps(one, indent=indent, ensure_ascii=False) for one in objects]
    content = ("[" + ",\n".join(texts) + "]" if layout.endswith("array") else "\n".join(texts)).encode()
    found = list(documents(pieces(BytesIO(content))))
    assert [one.parsed for one in found if isinstance(one, Document)] == objects
    assert b"".join(one.value for one in found if isinstance(one, Document)).decode() == "".join(texts)


@pytest.mark.usefixtures("small")
def test_what_has_no_end_is_given_up_and_the_rest_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A document, a number or white space as long as the file; the lines behind it are whole."""
    monkeypatch.setattr(documents_module, "_LONGEST", 64)
    rest = b'\n{"a":1}\n{"a":2}'
    for endless in (b'{"a": "', b'{"a":', b"[1, 1", b'[{"a": 3}, {"b": "', b"x"):
        content = endless + b"1" * 5_000 + rest  # more digits than int() takes
        found = list(documents(pieces(BytesIO(content))))
        assert [one.parsed["a"] for one in found if isinstance(one, Document)][-2:] == [1, 2]
        assert [one.line for one in found][-2:] == [2, 3]
        assert any(isinstance(one, Unreadable) and one.line == 1 for one in found)
    assert len(list(documents(pieces(BytesIO(b" " * 1_000 + rest))))) == 2


@pytest.mark.parametrize("layout", ["{}\n", "{}{}", "[{},\n", '{"a":1\n'])
def test_a_long_file_is_not_held(layout: str) -> None:
    """Whether it has documents a line, side by side, in one array, or a line that never ends its document."""
    one = b'{"a": "' + b"0" * 100_000 + b'"}'
    if layout == "{}\n":
        content = (one + b"\n") * 500
    elif layout == "{}{}":
        content = one * 500
    elif layout == "[{},\n":
        content = b"[" + b",\n".join([one] * 500) + b"]"
    else:
        content = b'{"a":1\n' + (one + b"\n") * 500
    stream = BytesIO(content)
    tracemalloc.start()
    found = sum(isinstance(each, Document) for each in documents(pieces(stream)))
    held = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == 500
    assert held < 30_000_000
