"""What the description of topics and streams says of both WebSocket streams."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from libs.contracts.agents import CLOCK_EVENT, MESSAGES
from libs.contracts.examples import examples
from libs.contracts.strategies import CHANNEL, DATA, FRAMES
from libs.security.signing import sign
from services.api.asyncapi_parts import Json, Part, listed, operation, schema
from services.api.streams.codes import Close, Code
from services.api.streams.routes import AGENT_PATH, STATUS_PATH

_Mode = tuple[type[BaseModel], Literal["validation", "serialization"]]

STATUS: Final = "status"
AGENT: Final = "agent"
_ASKED: Final = ("auth", "subscribe", "unsubscribe")
_TOLD: Final = ("ack", "refusal", "frame")


def describe() -> Part:
    """The strategy status stream and the agents' stream."""
    coming: list[_Mode] = [(model, "validation") for model in DATA.values()]
    # what agents tell may come with numbers, and leaves with strings
    leaving: list[_Mode] = [
        (model, "serialization") for name, model in MESSAGES.items() if name != CLOCK_EVENT
    ]
    refs, made = models_json_schema(
        [*dict.fromkeys(coming), *leaving], ref_template="#/components/schemas/{model}"
    )
    schemas = {**_SCHEMAS, "AgentMessage": {"oneOf": [refs[one] for one in leaving]}}
    messages = {
        f"{channel}.{name}": {
            "name": name,
            "contentType": "application/json",
            "payload": schema(of),
            "examples": _examples(name),
        }
        for channel, name, of in (
            *((STATUS, name, name.capitalize()) for name in (*_ASKED, *_TOLD)),
            (AGENT, "message", "AgentMessage"),
        )
    }
    return Part(
        {STATUS: _STATUS, AGENT: _AGENT},
        {
            f"{STATUS}.receive": operation(STATUS, "receive", _ASKED),
            f"{STATUS}.send": operation(STATUS, "send", _TOLD),
            f"{AGENT}.send": operation(AGENT, "send", ["message"]),
        },
        messages,
        {**made["$defs"], **schemas},
    )


def _examples(name: str) -> list[Json]:
    match name:
        case "frame":
            told = examples().inputs["strategies.in"]
            return [
                {"name": event, "payload": {**told[event], "seq": seq}}
                for seq, event in enumerate(sorted(FRAMES), 1)
            ]
        case "message":
            said = examples().inputs["agents.in"]
            return [{"name": event, "payload": said[event]} for event in MESSAGES if event != CLOCK_EVENT]
        case _:
            return [{"payload": _EXAMPLES[name]}]


def _object(properties: Mapping[str, Json], optional: tuple[str, ...] = ()) -> Json:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": dict(properties), "required": required}


_TEXT: Final[Json] = {"type": "string"}
_TIME: Final[Json] = {"type": "string", "format": "date-time"}
_COUNT: Final[Json] = {"type": "integer", "minimum": 1}
_CODES: Final = ", ".join(
    f"{code.value} {code.name.lower().replace('_', ' ')}" for code in Close if code >= 4_000
)
_FOR: Final[Json] = {
    "channel": {"const": CHANNEL},
    "id": {**_TEXT, "description": "A strategy's id, or * for all."},
}
_SCHEMAS: Final[Json] = {
    "Auth": _object(
        {
            "op": {"const": "auth"},
            "api_key": _TEXT,
            "timestamp": {"type": ["integer", "string"], "description": "Ms since 1970."},
            "signature": {
                **_TEXT,
                "pattern": "^[0-9a-f]{64}$",
                "description": f"Hex HMAC-SHA256, under the secret, of timestamp + GET + {STATUS_PATH}.",
            },
        }
    ),
    "Subscribe": _object(
        {"op": {"const": "subscribe"}, **_FOR, "since_seq": {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}},
        ("since_seq",),
    ),
    "Unsubscribe": _object({"op": {"const": "unsubscribe"}, **_FOR}),
    "Ack": _object({"op": {"const": "ack"}, **_FOR, "ok": {"const": True}}),
    "Refusal": _object(
        {
            "op": {"const": "ack"},
            "channel": {"description": "As it was said."},
            "id": {"description": "As it was said."},
            "ok": {"const": False},
            "code": {"enum": [code.value for code in Code]},
        },
        ("channel", "id"),
    ),
    "Frame": {
        "oneOf": [
            _object(
                {
                    "channel": {"const": CHANNEL},
                    "event": {"const": event},
                    "strategy_id": _TEXT,
                    "seq": {**_COUNT, "description": "Ours: per account, without gaps."},
                    "ts": _TIME,
                    "data": schema(model.__name__),
                }
            )
            for event, model in DATA.items()
            if event in FRAMES
        ]
    },
}  # fmt: skip
_STATUS: Final[Json] = {
    "address": STATUS_PATH,
    "description": "The strategy status stream. Sign the URL (api_key, timestamp, signature in the query; HTTP 401 if "
    "that is no good) or send auth within 5 s. since_seq replays what is kept, at least STRATAFOLD_REPLAY_SECONDS; "
    f"the ack comes before it. Close codes: 1003 binary, 1009 over 64 KiB, 1012 going down, {_CODES}.",
    "messages": listed(STATUS, (*_ASKED, *_TOLD)),
    "bindings": {
        "ws": {"query": {"type": "object", "properties": dict.fromkeys(("api_key", "timestamp", "signature"), _TEXT)}}
    },
}  # fmt: skip
_AGENT: Final[Json] = {
    "address": AGENT_PATH,
    "description": "An agent's messages as they come, money and fractions as decimal strings; nothing is replayed. "
    "Open to this machine, elsewhere a bearer token with the scope agents:read.",
    "parameters": {"id": {"description": "The agent's id, or current for the only one there is."}},
    "messages": listed(AGENT, ["message"]),
}
_SUBSCRIBED: Final = {"channel": CHANNEL, "id": "strat_8f2a1b"}
_AT: Final = 1_780_081_200_000
_EXAMPLES: Final[dict[str, Json]] = {
    "auth": {
        "op": "auth",
        "api_key": "sfk_example",
        "timestamp": _AT,
        "signature": sign("sfs_example", _AT, "GET", STATUS_PATH),
    },
    "subscribe": {"op": "subscribe", **_SUBSCRIBED, "since_seq": 0},
    "unsubscribe": {"op": "unsubscribe", **_SUBSCRIBED},
    "ack": {"op": "ack", **_SUBSCRIBED, "ok": True},
    "refusal": {"op": "ack", **_SUBSCRIBED, "ok": False, "code": Code.REPLAY_UNAVAILABLE.value},
}
