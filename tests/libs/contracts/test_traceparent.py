"""A traceparent is what W3C Trace Context says it is; anything else counts as none."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.traceparent import of_record, of_request, record_headers, sampled

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
OWN = f"00-{TRACE}-{PARENT}-01"


def test_a_sampled_one_is_passed_on_as_it_came() -> None:
    assert sampled(OWN.encode()) == OWN
    assert of_record([("traceparent", OWN.encode())]) == OWN
    assert of_request([(b"host", b"x"), (b"traceparent", OWN.encode())]) == OWN
    assert record_headers(OWN) == [("traceparent", OWN.encode())]


def test_none_is_passed_on_as_nothing() -> None:
    assert of_record([("other", b"x")]) is None
    assert of_record([("traceparent", None)]) is None
    assert record_headers(None) == []


@pytest.mark.parametrize("flags", ["00", "02", "fe"])
def test_one_that_is_not_sampled_counts_as_none(flags: str) -> None:
    assert sampled(f"00-{TRACE}-{PARENT}-{flags}".encode()) is None


def test_of_the_flags_those_that_are_known_are_passed_on() -> None:
    """Sampled, and that the trace's id is random; others have no meaning yet."""
    assert sampled(f"00-{TRACE}-{PARENT}-ff".encode()) == f"00-{TRACE}-{PARENT}-03"


def test_a_later_version_is_read_as_the_first_and_its_additions_are_left_out() -> None:
    assert sampled(f"cc-{TRACE}-{PARENT}-01".encode()) == OWN
    assert sampled(f"cc-{TRACE}-{PARENT}-01-what the future brings".encode()) == OWN
    assert sampled(f"cc-{TRACE}-{PARENT}-01.what the future brings".encode()) is None


@pytest.mark.parametrize(
    "malformed",
    [
        "",
        OWN + "-more",
        OWN + "\n",
        " " + OWN,
        OWN.upper(),
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[:-1]}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-1",
        f"00-{TRACE}-{PARENT}",
        f'00-{TRACE}-{PARENT}-01","data":{{}}',
        OWN.replace("4", "٤"),
    ],
)
def test_a_malformed_one_counts_as_none(malformed: str) -> None:
    assert sampled(malformed.encode()) is None


def test_several_count_as_none() -> None:
    """Whichever were taken, somebody's trace would have a stranger's work in it."""
    assert of_record([("traceparent", OWN.encode()), ("traceparent", OWN.encode())]) is None
    assert of_request([(b"traceparent", OWN.encode()), (b"traceparent", b"x")]) is None


@given(st.binary(max_size=80) | st.from_regex(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?"))
def test_whatever_comes_out_can_stand_in_json_and_in_a_header(value: bytes) -> None:
    found = sampled(value)
    assert found is None or re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[13]", found)
