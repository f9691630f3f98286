"""The description of topics and streams: whole, and every reference in it leads somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import orjson

from libs.contracts.names import SERVICES, STREAMS, Names
from libs.contracts.strategies import FRAMES
from libs.contracts.versions import DATA, Instrument
from services.api.asyncapi import describe
from services.api.streams.codes import Code

DOCUMENT: dict[str, Any] = orjson.loads(orjson.dumps(describe(SERVICES, Names("x"))))


def _references(part: Any) -> Iterator[str]:
    for name, value in part.items() if isinstance(part, dict) else enumerate(part):
        if name == "$ref":
            yield value
        elif isinstance(value, dict | list):
            yield from _references(value)


def _at(reference: str) -> Any:
    found: Any = DOCUMENT
    for name in reference.removeprefix("#/").split("/"):
        found = found[name]
    return found


def test_every_reference_leads_somewhere() -> None:
    """An operation's messages are those of its own channel."""
    references = list(_references(DOCUMENT))
    assert len(references) > 100
    for reference in references:
        assert isinstance(_at(reference), dict), reference
    for operation in DOCUMENT["operations"].values():
        for message in operation.get("messages", ()):
            assert message["$ref"].startswith(operation["channel"]["$ref"] + "/messages/")


def test_all_topics_and_both_streams_are_in_it() -> None:
    """Under their names in the namespace; each is used by an operation, but for our own one."""
    channels = DOCUMENT["channels"]
    topics = {f"x.{service}.{stream}" for service in SERVICES for stream in STREAMS}
    streams = {"/v1/ws", "/agents/{id}/stream"}
    shared = {"x.credentials", "x.instruments.in"}
    assert {one["address"] for one in channels.values()} == topics | shared | streams
    used = {operation["channel"]["$ref"] for operation in DOCUMENT["operations"].values()}
    assert used == {f"#/channels/{name}" for name in channels if name != "credentials"}
    for name in (*DOCUMENT["components"]["schemas"], *DOCUMENT["components"]["messages"]):
        assert re.fullmatch(r"[A-Za-z0-9._-]+", name)


def test_frames_and_codes_are_those_of_the_stream() -> None:
    """Every known event, every code, every close code."""
    schemas = DOCUMENT["components"]["schemas"]
    assert {one["properties"]["event"]["const"] for one in schemas["Frame"]["oneOf"]} == FRAMES
    assert schemas["Refusal"]["properties"]["code"]["enum"] == [code.value for code in Code]
    for code in (1003, 1009, 1012, 4401, 4408, 4410, 4429):
        assert str(code) in DOCUMENT["channels"]["status"]["description"]


def test_an_agents_numbers_may_come_as_numbers_and_leave_as_strings() -> None:
    """In the topic either, on the stream a string."""
    schemas = DOCUMENT["components"]["schemas"]
    (inbound,) = (
        _at(one["payload"]["$ref"])
        for name, one in DOCUMENT["channels"]["agents.in"]["messages"].items()
        if name == "Snapshot"
    )
    assert [one["type"] for one in inbound["properties"]["equity"]["anyOf"]] == ["string", "number"]
    (outbound,) = (
        shown
        for one in schemas["AgentMessage"]["oneOf"]
        if (shown := _at(one["$ref"]))["properties"]["event"]["const"] == "snapshot"
    )
    assert outbound["properties"]["equity"]["type"] == "string"


def test_the_commands_on_versions_are_told_by_their_events() -> None:
    messages = DOCUMENT["channels"]["versions.in"]["messages"]
    assert messages.keys() == DATA.keys()
    for event, message in messages.items():
        properties = _at(message["payload"]["$ref"])["properties"]
        assert properties["event"]["const"] == event
        assert properties["data"]["$ref"].endswith(f"/{DATA[event].__name__}")


def test_an_instrument_has_a_schema_and_an_example_that_a_worker_would_take() -> None:
    """The topic is there where versions are."""
    (message,) = DOCUMENT["channels"]["instruments.in"]["messages"].values()
    schema = _at(message["payload"]["$ref"])
    assert set(schema["properties"]) == set(Instrument.model_fields)
    assert schema["required"] == ["symbol", "price", "ts"]
    for example in message["examples"]:
        assert example["payload"].keys() == schema["properties"].keys()
        assert Instrument.model_validate(example["payload"]).model_dump() == example["payload"]
    assert "instruments.in" not in describe(("operations",), Names())["channels"]
