"""Bodies that no receiver can take: each flaw spoils a good document in one way. Pure.

A flaw that doesn't fit a document (a wrong fill price where nothing was filled) gives None.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final

import orjson

from libs.ledger.reading import MAX_BYTES, MAX_DEPTH, MAX_KEYS

Document = dict[str, Any]
Flaw = Callable[[Random, Document], bytes | None]

_UUIDS: Final = ("id", "strategy_id", "operation_id", "request_id")
_TIMES: Final = ("created_at", "updated_at")
_TEXTS: Final = ("status", "type", "participant_code", "account_label")
_FILL: Final = ("price", "quantity", "total_notional", "trade_ids", "executed_at")
_MONEY: Final = ("amount", "price", "quantity", "total_notional")

_BAD_UUIDS: Final[dict[str, object]] = {
    "uuid_short": "663a258c-5e7c-456f-9759",
    "uuid_empty": "",
    "uuid_braces": "{663a258c-5e7c-456f-9759-73e02db8b5d9}",
    "uuid_urn": "urn:uuid:663a258c-5e7c-456f-9759-73e02db8b5d9",
    "uuid_without_dashes": "663a258c5e7c456f975973e02db8b5d9",
    "uuid_letters": "663a258g-5e7c-456f-9759-73e02db8b5d9",
    "uuid_line_end": "663a258c-5e7c-456f-9759-73e02db8b5d9\n",
    "uuid_number": 663258,
    "uuid_null": None,
}
_BAD_TIMES: Final[dict[str, object]] = {
    "time_without_zone": "2026-05-29T18:56:43",
    "time_with_space": "2026-05-29 18:56:43Z",
    "time_day_alone": "2026-05-29",
    "time_no_such_day": "2026-02-30T18:56:43Z",
    "time_hour_24": "2026-05-29T24:00:00Z",
    "time_leap_second": "2026-06-30T23:59:60Z",
    "time_epoch": 1780081003,
    "time_words": "yesterday",
    "time_null": None,
}
_BAD_AMOUNTS: Final[dict[str, object]] = {
    "amount_exponent": "1e-5",
    "amount_underscore": "1_000",
    "amount_comma": "1,000.00",
    "amount_plus": "+5",
    "amount_no_whole": ".5",
    "amount_no_fraction": "5.",
    "amount_leading_zero": "05.00",
    "amount_nan": "NaN",
    "amount_infinity": "Infinity",
    "amount_empty": "",
    "amount_space": " 5",
    "amount_other_digits": "٥",
    "amount_too_long": "1234567890123456789",
    "amount_too_fine": "0.1234567890123456789",
    "amount_currency": "$5",
    "amount_number": 0.5,
    "amount_null": None,
}


def _encoded(document: Document) -> bytes:
    return orjson.dumps(document)


def _copy(document: Document) -> Document:
    copy: Document = orjson.loads(orjson.dumps(document))
    return copy


def _field(names: tuple[str, ...], value: object) -> Flaw:
    """Put a value where it doesn't belong, in one of these fields of the top level."""

    def spoil(rng: Random, document: Document) -> bytes | None:
        name = rng.choice([name for name in names if name in document])
        return _encoded({**document, name: value})

    return spoil


def _entries(document: Document) -> list[Document]:
    """The allocations of an operation, the instructions of an execution, to be changed in place."""
    entries: list[Document] = document["allocations" if "allocations" in document else "instructions"]
    return entries


def _amount(value: object) -> Flaw:
    """Put a bad amount into a weight, or into one of an instruction's amounts."""

    def spoil(rng: Random, document: Document) -> bytes | None:
        copy = _copy(document)
        entries = _entries(copy)
        if not entries:
            return None
        entry = rng.choice(entries)
        names = [name for name in ("weight", *_MONEY) if name in entry]
        entry[rng.choice(names)] = value
        return _encoded(copy)

    return spoil


def _missing(rng: Random, document: Document) -> bytes | None:
    gone = rng.choice(list(document))
    return _encoded({name: value for name, value in document.items() if name != gone})


def _missing_in_entry(rng: Random, document: Document) -> bytes | None:
    copy = _copy(document)
    entries = _entries(copy)
    if not entries:
        return None
    entry = rng.choice(entries)
    del entry[rng.choice(list(entry))]
    return _encoded(copy)


def _fill(spoil_fill: Callable[[Random, Document], None]) -> Flaw:
    """Spoil the fill of an executed instruction."""

    def spoil(rng: Random, document: Document) -> bytes | None:
        copy = _copy(document)
        executed = [entry for entry in _entries(copy) if entry.get("status") == "executed"]
        if not executed:
            return None
        spoil_fill(rng, rng.choice(executed))
        return _encoded(copy)

    return spoil


def _without_a_fill_field(rng: Random, entry: Document) -> None:
    del entry[rng.choice(_FILL)]


def _with_a_null_in_the_fill(rng: Random, entry: Document) -> None:
    entry[rng.choice(_FILL)] = None


def _with_trades_as_text(rng: Random, entry: Document) -> None:
    entry["trade_ids"] = entry["trade_ids"][0]


def _with_a_trade_as_number(rng: Random, entry: Document) -> None:
    entry["trade_ids"] = [rng.randrange(10**6)]


def _with_a_bad_fill_time(rng: Random, entry: Document) -> None:
    entry["executed_at"] = rng.choice(list(_BAD_TIMES.values()))


def _entries_as(value: object) -> Flaw:
    def spoil(rng: Random, document: Document) -> bytes | None:
        name = "allocations" if "allocations" in document else "instructions"
        return _encoded({**document, name: value})

    return spoil


def _weights(change: Callable[[Random, list[Document]], list[Document]]) -> Flaw:
    """Spoil the sum of an operation's weights."""

    def spoil(rng: Random, document: Document) -> bytes | None:
        if "allocations" not in document:
            return None
        return _encoded({**document, "allocations": change(rng, _copy(document)["allocations"])})

    return spoil


def _one_half(rng: Random, allocations: list[Document]) -> list[Document]:
    return [{**allocations[0], "weight": "0.5"}]


def _one_too_many(rng: Random, allocations: list[Document]) -> list[Document]:
    return [*allocations, rng.choice(allocations)]


def _coarse_thirds(rng: Random, allocations: list[Document]) -> list[Document]:
    return [{**allocations[0], "weight": "0.3"}] * 3


def _no_weights(rng: Random, allocations: list[Document]) -> list[Document]:
    return []


def _text(change: Callable[[bytes], bytes]) -> Flaw:
    """Spoil the JSON itself."""

    def spoil(rng: Random, document: Document) -> bytes | None:
        return change(_encoded(document))

    return spoil


def _cut_short(rng: Random, document: Document) -> bytes | None:
    body = _encoded(document)
    return body[: rng.randrange(1, len(body))]


def _not_a_number(rng: Random, document: Document) -> bytes | None:
    return (
        _encoded(document)[:-1]
        + b',"fee":'
        + rng.choice((b"NaN", b"Infinity", b"-Infinity", b"01", b"1."))
        + b"}"
    )


def _too_large(rng: Random, document: Document) -> bytes | None:
    return _encoded({**document, "note": "x" * MAX_BYTES})


def _too_deep(rng: Random, document: Document) -> bytes | None:
    depth = MAX_DEPTH + rng.randint(1, 40)
    return _encoded(document)[:-1] + b',"note":' + b"[" * depth + b"]" * depth + b"}"


def _too_many_keys(rng: Random, document: Document) -> bytes | None:
    return _encoded(
        {**document, "note": {f"k{index}": index for index in range(MAX_KEYS + rng.randint(1, 50))}}
    )


FLAWS: Final[dict[str, Flaw]] = {
    "cut_short": _cut_short,
    "empty": _text(lambda body: b""),
    "blank": _text(lambda body: b" \n"),
    "nul_byte": _text(lambda body: body + b"\x00"),
    "byte_order_mark": _text(lambda body: b"\xef\xbb\xbf" + body),
    "utf_16": _text(lambda body: body.decode().encode("utf-16")),
    "latin_1": _text(lambda body: body[:-1] + b',"note":"caf\xe9"}'),
    "lone_surrogate": _text(lambda body: body[:-1] + b',"note":"\\ud800"}'),
    "control_character": _text(lambda body: body[:-1] + b',"note":"a\x01b"}'),
    "trailing_comma": _text(lambda body: body[:-1] + b",}"),
    "comment": _text(lambda body: b"/* status */" + body),
    "single_quotes": _text(lambda body: body.replace(b'"', b"'")),
    "two_bodies": _text(lambda body: body + body),
    "form": _text(lambda body: b"id=663a258c&status=settled"),
    "array": _text(lambda body: b"[" + body + b"]"),
    "string": _text(lambda body: orjson.dumps(body.decode())),
    "null": _text(lambda body: b"null"),
    "empty_object": _text(lambda body: b"{}"),
    "wrapped": _text(lambda body: b'{"data":' + body + b"}"),
    "not_a_number": _not_a_number,
    "too_large": _too_large,
    "too_deep": _too_deep,
    "too_many_keys": _too_many_keys,
    "field_missing": _missing,
    "field_missing_in_entry": _missing_in_entry,
    **{name: _field(_UUIDS, value) for name, value in _BAD_UUIDS.items()},
    **{name: _field(_TIMES, value) for name, value in _BAD_TIMES.items()},
    **{name: _amount(value) for name, value in _BAD_AMOUNTS.items()},
    "text_null": _field(_TEXTS, None),
    "text_number": _field(_TEXTS, 3),
    "text_boolean": _field(_TEXTS, True),
    "text_array": _field(_TEXTS, ["settled"]),
    "reason_number": _field(("status_reason",), 0),
    "reason_object": _field(("status_reason",), {"code": "all_rejected"}),
    "entries_null": _entries_as(None),
    "entries_object": _entries_as({"BTC": "0.5"}),
    "entries_text": _entries_as("BTC"),
    "entries_of_text": _entries_as(["BTC", "ETH"]),
    "entries_of_null": _entries_as([None]),
    "weights_half": _weights(_one_half),
    "weights_one_too_many": _weights(_one_too_many),
    "weights_coarse_thirds": _weights(_coarse_thirds),
    "weights_none": _weights(_no_weights),
    "fill_missing": _fill(_without_a_fill_field),
    "fill_null": _fill(_with_a_null_in_the_fill),
    "fill_trades_text": _fill(_with_trades_as_text),
    "fill_trades_number": _fill(_with_a_trade_as_number),
    "fill_time": _fill(_with_a_bad_fill_time),
}
_NAMES: Final = tuple(FLAWS)


def spoil(rng: Random, documents: Sequence[Document]) -> tuple[str, int, bytes]:
    """Spoil one of several documents: the flaw's name, the document's index, the body. Every flaw is as likely.

    The documents are one operation's, so that there is one that some flaw fits.
    """
    while True:
        name = rng.choice(_NAMES)
        for index in rng.sample(range(len(documents)), len(documents)):
            body = FLAWS[name](rng, documents[index])
            if body is not None:
                return name, index, body
