"""What passes as an amount, a time, a UUID: patterns before parsing, so that nothing exotic does."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from libs.contracts.fields import Amount, Text, Time, Uuid, UuidOrEmpty

_UUID = "663a258c-5e7c-456f-9759-73e02db8b5d9"
_AMOUNT: TypeAdapter[str] = TypeAdapter(Amount)
_TIME: TypeAdapter[str] = TypeAdapter(Time)
_IDS: TypeAdapter[str] = TypeAdapter(Uuid)
_MAYBE: TypeAdapter[str] = TypeAdapter(UuidOrEmpty)
_TEXT: TypeAdapter[str] = TypeAdapter(Text)


@pytest.mark.parametrize(
    "text",
    [
        "0",
        "-0",
        "5",
        "0.5",
        "-0.50",
        "73471.612589025",
        "999999999999999999.999999999999999999",
        "0.000",
        "10",
    ],
)
def test_an_amount_is_kept_as_the_sender_wrote_it(text: str) -> None:
    """Trailing zeros and signs of zero as well."""
    assert _AMOUNT.validate_python(text) == text


@pytest.mark.parametrize(
    "value",
    [
        "", " ", "1e5", "1E5", "1_000", "1,000", "٣", "１", "²", "NaN", "nan", "Infinity",
        "-Infinity", "inf", "+1", "01", "00",
        "-01", "1.", ".5", "1.2.3", "0x10", " 1", "1 ", "1\n", "\n1", "--1", "1-", "1000000000000000000",
        "0.0000000000000000001", "1\x00", "½", "1.٥", "−1", "$1", "1%", 1, 1.5, True, None, [], {}, Decimal(1), b"1",
    ],
)  # fmt: skip
def test_what_is_no_amount(value: object) -> None:
    """Exponents, separators, foreign digits, white space, leading zeros, 19 digits, and whatever is no string."""
    with pytest.raises(ValidationError):
        _AMOUNT.validate_python(value)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=8, min_value=-(10**15), max_value=10**15))
def test_every_plain_decimal_is_an_amount(value: Decimal) -> None:
    """As ``format`` writes it without an exponent; and its value is the string's."""
    text = format(value, "f")
    assert Decimal(_AMOUNT.validate_python(text)) == value


@pytest.mark.parametrize(
    "text",
    [
        "2026-05-29T18:56:43Z", "2026-05-29T18:56:43.1Z", "2026-05-29T18:56:43.123456789Z",
        "2026-05-29T18:56:43+00:00",
        "2026-05-29T18:56:43-23:59", "2026-05-29t18:56:43z", "2024-02-29T00:00:00Z",
    ],
)  # fmt: skip
def test_an_rfc_3339_time(text: str) -> None:
    """With any offset, upper or lower case, up to nine digits of a second."""
    assert _TIME.validate_python(text) == text


@pytest.mark.parametrize(
    "value",
    [
        "", "2026-05-29", "2026-05-29T18:56:43", "2026-05-29 18:56:43Z", "20260529T185643Z", "2026-05-29T18:56Z",
        "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-32T00:00:00Z", "2026-01-00T00:00:00Z",
        "2016-12-31T23:59:60Z", "2026-05-29T24:00:00Z", "2026-05-29T18:60:00Z",
        "2026-05-29T18:56:43.Z", "2026-05-29T18:56:43.1234567890Z",
        "2026-05-29T18:56:43+24:00", "2026-05-29T18:56:43+0000", "2026-05-29T18:56:43Z\n", " 2026-05-29T18:56:43Z",
        "٢٠٢٦-05-29T18:56:43Z", "2026-W22-5T18:56:43Z", "1780081003", 1780081003, 1780081003.0, None, True, [],
    ],
)  # fmt: skip
def test_what_is_no_time(value: object) -> None:
    """Numbers of seconds, dates alone, times without an offset, foreign digits, a leap second, a trailing newline."""
    with pytest.raises(ValidationError):
        _TIME.validate_python(value)


@pytest.mark.parametrize(
    "value",
    [
        "", "{" + _UUID + "}", "urn:uuid:" + _UUID, _UUID.replace("-", ""), _UUID + "\n", " " + _UUID, _UUID[:-1],
        _UUID + "0", _UUID.replace("6", "g"), _UUID.replace("6", "٦"), 1, None, UUID(_UUID), _UUID.encode(), [],
    ],
)  # fmt: skip
def test_what_is_no_uuid(value: object) -> None:
    """Braces, URNs, no hyphens, white space."""
    with pytest.raises(ValidationError):
        _IDS.validate_python(value)
    if value != "":
        with pytest.raises(ValidationError):
            _MAYBE.validate_python(value)


@given(st.uuids(), st.booleans())
def test_a_uuid_in_either_case(value: UUID, upper: bool) -> None:
    """Kept as it was sent; where a field may be empty, it may."""
    text = str(value).upper() if upper else str(value)
    assert _IDS.validate_python(text) == _MAYBE.validate_python(text) == text
    assert _MAYBE.validate_python("") == ""


@pytest.mark.parametrize("value", [1, 1.0, True, None, b"x", [], {}])
def test_text_is_a_string_and_nothing_that_could_become_one(value: object) -> None:
    """No coercion."""
    with pytest.raises(ValidationError):
        _TEXT.validate_python(value)
