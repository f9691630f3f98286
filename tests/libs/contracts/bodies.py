"""Bodies of executions and operations as senders write them, spoilt or spelled otherwise at will."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any, Final

from hypothesis import strategies as st

Json = dict[str, Any]

_ID: Final = "0198c5a1-1111-7000-8000-00000000000a"
_AT: Final = "2026-05-29T18:56:43Z"
_LATER: Final = "2026-05-29T18:56:44.5Z"
_ORDER: Final = {
    "underlying_currency": "BTC",
    "quoted_currency": "USD",
    "side": "buy",
    "amount": "1.50",
    "amount_type": "notional",
    "status": "pending",
    "status_reason": "",
}
_FILL: Final = {
    **_ORDER,
    "status": "executed",
    "price": "1",
    "quantity": "-0.5",
    "total_notional": "2",
    "trade_ids": ["a", "b"],
    "executed_at": _AT,
}
EXECUTION: Final[Json] = {
    "id": _ID,
    "strategy_id": _ID,
    "operation_id": _ID,
    "trader_id": "",
    "participant_code": "P",
    "account_label": "L",
    "status": "awaiting_execution",
    "status_reason": "",
    "instructions": [_ORDER, _FILL],
    "created_at": _AT,
    "updated_at": _LATER,
}
OPERATION: Final[Json] = {
    "id": _ID,
    "strategy_id": _ID,
    "request_id": _ID,
    "type": "top_up",
    "status": "pricing",
    "status_reason": "",
    "allocations": [{"underlying_currency": name, "weight": "0.5"} for name in ("BTC", "ETH")],
    "created_at": _AT,
    "updated_at": _LATER,
}
OUTCOME: Final[Json] = {
    "event": "execution.outcome",
    "id": _ID,
    "execution_id": _ID,
    "status": "settled",
    "status_reason": "",
    "strategy_id": _ID,
    "updated_at": _LATER,
}
BODIES: Final = {"executions": (EXECUTION,), "operations": (OPERATION, OUTCOME)}

_VALUES: Final[Any] = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(
        [
            *("", "settled", "rejected", "failed", "executed", "pending", "no_such_status", "all_rejected"),
            *(_ID.upper(), _ID + "\n", _ID[:-1], _ID.replace("a", "٣")),
            *("2026-02-30T18:56:43Z", "2026-05-29t18:56:43.5z", "0001-01-01T00:00:00+23:59", _AT + "\n"),
            *("1.", "01", "-0", "1\n", "٣", "0.25", "1" * 19, 'a"b', "\\", "\x7f", "\u2028", "😀"),
            *([], ["a"], [None], [[]], {}, {"id": _ID}, [_ORDER], [_FILL, _FILL]),
        ]
    )
)
_NAMES: Final = st.sampled_from(["more", "_own", "event", "executions", "price", "status", "é", "a"])


def compact(document: Json) -> bytes:
    """As senders write it: no white space, no escape that need not be."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode(errors="surrogatepass")


def _objects(value: Any) -> list[Json]:
    """A value's objects, itself among them."""
    if isinstance(value, dict):
        return [value, *(one for member in value.values() for one in _objects(member))]
    return [one for member in value for one in _objects(member)] if isinstance(value, list) else []


@st.composite
def documents(draw: st.DrawFn, service: str) -> Json:
    """A body of a service, with up to three members changed, added, removed or moved, at the top or within."""
    document: Json = deepcopy(draw(st.sampled_from(BODIES[service])))
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.sampled_from(_objects(document)))
        name = draw(st.sampled_from(list(place)) if place else _NAMES)
        match draw(st.sampled_from(["change", "change", "add", "remove", "move"])):
            case "change":
                place[name] = deepcopy(draw(_VALUES))
            case "add":
                place[draw(_NAMES)] = deepcopy(draw(_VALUES))
            case "remove":
                place.pop(name, None)
            case "move" if name in place:
                place[name] = place.pop(name)
    return document


def otherwise(document: Json) -> list[bytes]:
    """The same bytes but for white space, an escape, a member twice, or what is no JSON at all."""
    value = compact(document)
    return [
        json.dumps(document).encode(),
        *(value + b"\n", b" " + value, value + b"}"),
        value.replace(b"t", b"\\u0074", 1),
        *(value.replace(b'":"', b'":"' + escape) for escape in (b"\\u0041", b"\\/", b"\\u00e9")),
        *(
            value[: at + 3] + b"\\/" + value[at + 3 :]
            for at in range(len(value))
            if value[at : at + 3] == b'":"'
        ),
        *(value[:-1] + b',"status":"settled"}', value.replace(b'"side":', b'"side":"x","side":', 1)),
        *(value.replace(b"},{", between) for between in (b"}{", b"},,{", b"}, {")),
        value.replace(b"}]", b"},]"),
        value.replace(b'"}', b'"'),
    ]


def spelled(service: str) -> st.SearchStrategy[bytes]:
    """A body's bytes: mostly compact, else spelled otherwise, or with a byte that spoils them."""
    return documents(service).flatmap(_spellings)


def _spellings(document: Json) -> st.SearchStrategy[bytes]:
    value = compact(document)
    spoilt = st.builds(
        lambda at, byte: value[:at] + byte + value[at + 1 :],
        st.integers(0, len(value) - 1),
        st.sampled_from([b"", b"\x00", b"\n", b" ", b'"', b"\\", b"\x7f", b"\xff", b"\xc3", b"\xed\xa0\x80"]),
    )
    return st.just(value) | st.just(value) | st.sampled_from(otherwise(document)) | spoilt
