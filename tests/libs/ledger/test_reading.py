"""The caps, and what counts against them: size first, then depth, then keys."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.ledger.invalid import Invalid
from libs.ledger.reading import MAX_BYTES, MAX_DEPTH, MAX_KEYS, check_caps, read, read_exactly

_NASTY = '{}[]:,"\\ \n\t:{"a":[{'
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet=_NASTY) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(alphabet=_NASTY, max_size=4), inner, max_size=4)
    ),
    max_leaves=30,
)


def _depth(value: Any) -> int:
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(_depth, inner), default=0)


def _error(value: bytes | None) -> str:
    with pytest.raises(Invalid) as refused:
        read(value)
    assert refused.value.pointer == ""
    return refused.value.error


def _nested(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


def test_256_kib_pass_and_a_byte_more_does_not() -> None:
    """The size is that of the record's value."""
    filler = b"x" * (MAX_BYTES - len(b'{"a":""}'))
    assert read(b'{"a":"' + filler + b'"}')
    assert _error(b'{"a":"' + filler + b'x"}') == "too_large"


def test_32_levels_pass_and_33_do_not() -> None:
    """Arrays and objects alike."""
    assert read(_nested(MAX_DEPTH))
    assert _error(_nested(MAX_DEPTH + 1)) == "too_deep"
    assert read(b'{"a":' + b"[" * (MAX_DEPTH - 1) + b"]" * (MAX_DEPTH - 1) + b"}")
    assert _error(b'{"a":' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}") == "too_deep"
    assert read(b'{"a":[' + b",".join([b"[{}]"] * 1_000) + b"]}"), "wide is not deep"


def test_2000_keys_pass_and_one_more_does_not() -> None:
    """Counted over all objects, one that comes twice twice."""
    assert read(json.dumps({str(at): at for at in range(MAX_KEYS)}).encode())
    assert _error(json.dumps({str(at): at for at in range(MAX_KEYS + 1)}).encode()) == "too_many_keys"
    assert _error(b'{"a":[' + b",".join([b'{"x":1}'] * MAX_KEYS) + b"]}") == "too_many_keys"
    assert _error(b"{" + b",".join([b'"x":1'] * (MAX_KEYS + 1)) + b"}") == "too_many_keys"


@pytest.mark.parametrize(
    "filler", [":" * 3_000, "{[" * 3_000, '\\":{[' * 600, "\\\\" * 40 + ":[{" * 800, '\\\\\\"[' * 900]
)
def test_what_stands_in_strings_does_not_count(filler: str) -> None:
    """Brackets and colons there are text, behind escapes as well."""
    assert read(b'{"a":"' + filler.encode() + b'","b":{"c":"' + filler.encode() + b'"}}')


def test_size_is_judged_before_depth_and_depth_before_keys_and_all_before_syntax() -> None:
    """So that the answer never depends on what comes later."""
    deep, keys = b"[" * 40, b'"x":1,' * 3_000
    assert _error(b"{" + deep + keys + b" " * MAX_BYTES) == "too_large"
    assert _error(b"{" + keys + deep) == "too_deep"
    assert _error(b"{" + keys) == "too_many_keys"


@given(_json)
def test_the_caps_count_what_is_there(value: Any) -> None:
    """A document of any shape, with brackets and colons in its strings, passes as it is within the caps."""
    document = {"x": value}
    text = json.dumps(document).encode()
    assert read(text) == read(text + b" \n")
    assert _depth(document) <= MAX_DEPTH
    wrapped = text
    for _ in range(MAX_DEPTH - _depth(document)):
        wrapped = b'{"w":' + wrapped + b"}"
    check_caps(wrapped)
    with pytest.raises(Invalid, match="too_deep"):
        check_caps(b'{"w":' + wrapped + b"}")


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (None, "no_value"), (b"", "not_json"), (b"{", "not_json"), (b"{}x", "not_json"), (b'{"a":NaN}', "not_json"),
        (b'{"a":Infinity}', "not_json"), (b'{"a":01}', "not_json"), (b'{"a":"\xff"}', "not_json"),
        (b"\xff\xfe{}", "not_json"),
        (b"\xef\xbb\xbf{}", "not_json"), (b'{"a":"\\ud800"}', "not_json"), (b"{'a':1}", "not_json"),
        (b'{"a":1,}', "not_json"),
        (b'{"a":1e999}', "not_json"), (b"[]", "wrong_type"), (b"null", "wrong_type"),
        (b'"{}"', "wrong_type"), (b"1", "wrong_type"),
        (b'{"a":"\x00"}', "not_json"), (b"//x\n{}", "not_json"),
    ],
)  # fmt: skip
def test_what_is_no_json_object(value: bytes | None, error: str) -> None:
    """Nothing that only some parsers take for JSON passes."""
    assert _error(value) == error


@pytest.mark.parametrize(
    ("number", "passes"),
    [
        ("1.7976931348623157e308", True), ("1.8e308", False), ("-1e309", False), ("9" * 308, True), ("9" * 309, False),
        ("1" * 700 + "e-500", True), ("0." + "1" * 5_000, True), ("1e-999", True),
    ],
    ids=lambda value: str(value)[:12],
)  # fmt: skip
def test_a_number_counts_as_json_as_long_as_a_double_reaches_so_far(number: str, passes: bool) -> None:
    """However many digits it has, and however small it is."""
    value = b'{"a":%s}' % number.encode()
    if passes:
        assert list(read(value)) == ["a"]
    else:
        assert _error(value) == "not_json"


@given(
    st.text(max_size=30),
    st.sampled_from(["1.50", "-0.0", "1E2", "123456789012345678901234567890", "0.1e-7", "0"]),
)
def test_reading_exactly_keeps_the_literal_of_a_number(text: str, literal: str) -> None:
    """And everything else as ``read`` has it."""
    value = b'{"s":' + json.dumps(text).encode() + b',"n":[{"m":' + literal.encode() + b"}]}"
    again = orjson.dumps(read_exactly(value))
    assert again == b'{"s":' + orjson.dumps(text) + b',"n":[{"m":' + literal.encode() + b"}]}"
