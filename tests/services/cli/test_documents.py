"""Reading files of JSON: each document as its bytes stand, each fault with its line, no document lost to one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cli.documents import Document, Unreadable, documents


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
