"""The description of topics and streams: valid, whole, with an example of every message, and as the topics are made."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from pydantic import SecretStr

from libs.contracts.derived import EVENTS
from libs.contracts.inputs import INPUTS
from libs.contracts.names import SERVICES, STREAMS
from libs.contracts.strategies import FRAMES
from libs.contracts.versions import Instrument
from libs.ledger.letters import OURS
from libs.runtime.topics import CONFIGS
from libs.security.credentials import restore
from libs.security.signing import matches
from libs.settings import Settings
from services.api.asyncapi import describe
from services.api.streams.codes import Code
from services.api.streams.routes import STATUS_PATH
from tests.services.api.asyncapi_form import FORM

PARTITIONS = 12
DAYS_KEPT = {
    "in": 14,
    "events": 14,
    "dead": 90,
}  # as the contract has it: the log for ever, documents compacted
DOCUMENT: dict[str, Any] = orjson.loads(
    orjson.dumps(
        describe(Settings(namespace="x", kafka="one:9092,two:9093", partitions=PARTITIONS, replication=3))
    )
)
WELL_FORMED = Draft202012Validator(FORM)
TOPICS = [f"{service}.{stream}" for service in SERVICES for stream in STREAMS]
MESSAGES = [(channel, name) for channel, told in DOCUMENT["channels"].items() for name in told["messages"]]


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


def _message(channel: str, name: str) -> Any:
    return _at(DOCUMENT["channels"][channel]["messages"][name]["$ref"])


def _validator(schema: Any) -> Draft202012Validator:
    """Of a schema of the document, whose references begin at the document's root."""
    return Draft202012Validator({**DOCUMENT, **schema})


def test_the_document_is_what_asyncapi_says_one_is() -> None:
    WELL_FORMED.validate(DOCUMENT)


@pytest.mark.parametrize(
    ("at", "name", "wrong"),
    [
        ("#/channels/agents.in/bindings/kafka", "partitions", 0),
        ("#/channels/agents.in/bindings/kafka", "retention", 1),
        ("#/components/messages/agents.in.trade", "payloads", {}),
        ("#/servers/kafka", "url", "kafka://one"),
    ],
)
def test_what_asyncapi_does_not_know_would_be_found(at: str, name: str, wrong: Any) -> None:
    """The check bites where it matters."""
    place = _at(at)
    kept = dict(place)
    place[name] = wrong
    try:
        with pytest.raises(ValidationError):
            WELL_FORMED.validate(DOCUMENT)
    finally:
        place.clear()
        place.update(kept)


def test_every_reference_leads_somewhere() -> None:
    """An operation's messages are those of its own channel."""
    references = list(_references(DOCUMENT))
    assert len(references) > 100
    for reference in references:
        assert isinstance(_at(reference), dict), reference
    for operation in DOCUMENT["operations"].values():
        for message in operation["messages"]:
            assert message["$ref"].startswith(operation["channel"]["$ref"] + "/messages/")


def test_all_topics_and_both_streams_are_in_it() -> None:
    """Under their names in the namespace; each is used by an operation, but for our own one."""
    channels = DOCUMENT["channels"]
    streams = {"/v1/ws", "/agents/{id}/stream"}
    shared = {"x.credentials", "x.instruments.in"}
    topics = {f"x.{topic}" for topic in TOPICS}
    assert {one["address"] for one in channels.values()} == topics | shared | streams
    used = {operation["channel"]["$ref"] for operation in DOCUMENT["operations"].values()}
    assert used == {f"#/channels/{name}" for name in channels if name != "credentials"}
    for name in (*DOCUMENT["components"]["schemas"], *DOCUMENT["components"]["messages"]):
        assert re.fullmatch(r"[A-Za-z0-9._-]+", name)
    some = describe(Settings(services=("operations",)))["channels"]
    assert some.keys() == {*(f"operations.{stream}" for stream in STREAMS), "credentials", "status", "agent"}


@pytest.mark.parametrize(("channel", "name"), MESSAGES)
def test_every_message_has_an_example_that_its_payload_accepts(channel: str, name: str) -> None:
    """And its headers, where it has some."""
    message = _message(channel, name)
    assert message["examples"]
    payload = _validator(message["payload"])
    for example in message["examples"]:
        payload.validate(example["payload"])
        if "headers" in example:
            _validator(message["headers"]).validate(example["headers"])


@pytest.mark.parametrize("topic", TOPICS)
def test_a_topics_binding_is_what_it_is_made_with(topic: str) -> None:
    """Partitions, replicas, retention, cleanup policy and all."""
    binding = DOCUMENT["channels"][topic]["bindings"]["kafka"]
    assert (binding["topic"], binding["partitions"], binding["replicas"]) == (f"x.{topic}", PARTITIONS, 3)
    told = binding["topicConfiguration"]
    assert told["cleanup.policy"] == ["compact" if topic.endswith(".state") else "delete"]
    as_made = {
        name: ",".join(value) if isinstance(value, list) else str(value) for name, value in told.items()
    }
    stream = topic.rpartition(".")[2]
    assert as_made == CONFIGS[stream]
    if stream != "state":
        assert told["retention.ms"] == (DAYS_KEPT[stream] * 24 * 3_600_000 if stream in DAYS_KEPT else -1)


def test_the_topics_that_are_nobodys_have_bindings_as_well() -> None:
    """Credentials have one partition; both are compacted, and instruments come in batches like any input."""
    for topic, partitions in (("credentials", 1), ("instruments.in", PARTITIONS)):
        binding = DOCUMENT["channels"][topic]["bindings"]["kafka"]
        assert binding["partitions"] == partitions
        assert binding["topicConfiguration"]["cleanup.policy"] == ["compact"]
    told = binding["topicConfiguration"]["max.message.bytes"]
    assert told == int(CONFIGS["in"]["max.message.bytes"])


@pytest.mark.parametrize(("channel", "name"), [one for one in MESSAGES if one[0] not in ("status", "agent")])
def test_every_record_says_what_its_key_is(channel: str, name: str) -> None:
    key = _message(channel, name)["bindings"]["kafka"]["key"]
    assert key["description"]
    assert key["type"] == (["string", "null"] if channel.endswith(".dead") else "string")


@pytest.mark.parametrize("service", SERVICES)
def test_workers_read_their_input_as_their_group(service: str) -> None:
    binding = DOCUMENT["operations"][f"{service}.in.receive"]["bindings"]["kafka"]
    assert binding["groupId"]["const"] == f"x.{service}"


def test_each_derived_event_is_a_message_of_its_service_with_its_own_schema() -> None:
    """All of them, each once."""
    told = [
        (service, name)
        for service in SERVICES
        for name in DOCUMENT["channels"][f"{service}.events"]["messages"]
    ]
    assert sorted(name for _, name in told) == sorted(EVENTS)
    for service, name in told:
        message = _message(f"{service}.events", name)
        properties = _at(message["payload"]["$ref"])["properties"]
        assert properties["type"]["const"] == f"stratafold.{name}.v1"
        (example,) = message["examples"]
        assert example["payload"]["source"] == f"/stratafold/{service}"
        with pytest.raises(ValidationError):
            _validator(message["payload"]).validate({**example["payload"], "data": {}})


@pytest.mark.parametrize("topic", INPUTS)
def test_each_input_is_a_message_under_its_event(topic: str) -> None:
    """And what can't be in a topic is no message of it; instruments may be taken away."""
    told = DOCUMENT["channels"][topic]["messages"].keys()
    assert told - {"tombstone"} == INPUTS[topic].keys()
    assert ("tombstone" in told) == (topic == "instruments.in")


def test_dead_letters_have_the_headers_that_say_why() -> None:
    """All are required, in text; the input's own follow."""
    headers = _at(_message("agents.dead", "letter")["headers"]["$ref"])
    assert tuple(headers["properties"]) == OURS
    assert tuple(headers["required"]) == OURS
    assert "additionalProperties" not in headers


def test_only_versions_are_deleted() -> None:
    """So only they have tombstones in `.state`."""
    deleted = [s for s in SERVICES if "tombstone" in DOCUMENT["channels"][f"{s}.state"]["messages"]]
    assert deleted == ["versions"]


def test_the_servers_are_those_of_the_settings() -> None:
    """Each bootstrap server by itself, all of them of every topic; with TLS and the user's mechanism where they ask."""
    servers = DOCUMENT["servers"]
    assert {name: one["host"] for name, one in servers.items() if name != "api"} == {
        "kafka": "one:9092",
        "kafka-2": "two:9093",
    }
    assert DOCUMENT["channels"]["agents.in"]["servers"] == [
        {"$ref": "#/servers/kafka"},
        {"$ref": "#/servers/kafka-2"},
    ]
    own = describe(Settings(local_kafka_port=1234, api_port=4321))["servers"]
    assert (own["kafka"]["host"], own["kafka"]["protocol"]) == ("127.0.0.1:1234", "kafka")
    assert own["api"]["variables"]["host"]["default"] == "127.0.0.1:4321"
    secured = Settings(
        kafka="one:1",
        kafka_security="SASL_SSL",
        kafka_sasl="SCRAM-SHA-256",
        kafka_user="api",
        kafka_password=SecretStr("never told"),
    )
    told = describe(secured)
    assert told["servers"]["kafka"]["protocol"] == "kafka-secure"
    assert told["servers"]["kafka"]["security"] == [{"type": "scramSha256"}]
    assert b"never told" not in orjson.dumps(told)
    WELL_FORMED.validate(orjson.loads(orjson.dumps(told)))


def test_nothing_is_said_of_replicas_where_others_make_the_topics() -> None:
    channels = describe(Settings(create_topics=False, replication=3))["channels"]
    assert "replicas" not in channels["agents.in"]["bindings"]["kafka"]


def test_frames_and_codes_are_those_of_the_stream() -> None:
    """Every known event, every code, every close code; a signature that would be taken."""
    schemas = DOCUMENT["components"]["schemas"]
    assert {one["properties"]["event"]["const"] for one in schemas["Frame"]["oneOf"]} == FRAMES
    assert {one["payload"]["event"] for one in _message("status", "frame")["examples"]} == FRAMES
    assert schemas["Refusal"]["properties"]["code"]["enum"] == [code.value for code in Code]
    for code in (1003, 1009, 1012, 4401, 4408, 4410, 4429):
        assert str(code) in DOCUMENT["channels"]["status"]["description"]
    (shown,) = _message("status", "auth")["examples"]
    auth = shown["payload"]
    assert matches("sfs_example", auth["timestamp"], auth["signature"], "GET", STATUS_PATH)


def test_an_agents_numbers_may_come_as_numbers_and_leave_as_strings() -> None:
    """In the topic either, on the stream a string."""
    inbound = _at(_message("agents.in", "snapshot")["payload"]["$ref"])
    assert [one["type"] for one in inbound["properties"]["equity"]["anyOf"]] == ["string", "number"]
    (outbound,) = (
        shown
        for one in DOCUMENT["components"]["schemas"]["AgentMessage"]["oneOf"]
        if (shown := _at(one["$ref"]))["properties"]["event"]["const"] == "snapshot"
    )
    assert outbound["properties"]["equity"]["type"] == "string"


def test_the_examples_of_instruments_and_credentials_are_such_as_we_would_take() -> None:
    """Every field of an instrument is shown; a credential is read back as what it was made of."""
    (instrument,) = _message("instruments.in", "instrument")["examples"]
    assert instrument["payload"].keys() == Instrument.model_fields.keys()
    assert Instrument.model_validate(instrument["payload"]).model_dump() == instrument["payload"]
    for one in _message("credentials", "credential")["examples"]:
        assert restore(orjson.dumps(one["payload"])).kind == one["name"]
