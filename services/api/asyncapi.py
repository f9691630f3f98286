"""The description of topics and streams, AsyncAPI 3.0, as one deployment's settings have them."""

from __future__ import annotations

from typing import Any, Final

from libs.contracts.names import Names
from libs.settings import Settings
from services.api import asyncapi_streams, asyncapi_topics
from services.api.asyncapi_parts import KAFKA_BINDING
from services.api.backend import built

Json = dict[str, Any]

_API: Final = "api"
_SASL: Final = {"PLAIN": "plain", "SCRAM-SHA-256": "scramSha256", "SCRAM-SHA-512": "scramSha512"}


def describe(settings: Settings) -> Json:
    """The topics of the services that there are and both streams, as JSON to be."""
    brokers = _brokers(settings)
    topics = asyncapi_topics.describe(
        built(settings.services),
        Names(settings.namespace),
        settings.partitions,
        settings.replication if settings.create_topics else None,
    )
    streams = asyncapi_streams.describe()
    at_brokers, at_api = ([{"$ref": f"#/servers/{name}"} for name in some] for some in (brokers, [_API]))
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "stratafold topics and streams",
            "version": "1",
            "description": "Times are RFC 3339, amounts decimal strings. Clients of a stream reconnect after 1 s, "
            "doubled to 30 s, each ±25 %, and begin anew at 1 s once a connection was up for 60 s.",
        },
        "defaultContentType": "application/json",
        "servers": {**brokers, _API: _api(settings)},
        "channels": {
            **{name: {**channel, "servers": at_brokers} for name, channel in topics.channels.items()},
            **{name: {**channel, "servers": at_api} for name, channel in streams.channels.items()},
        },
        "operations": topics.operations | streams.operations,
        "components": {
            "schemas": topics.schemas | streams.schemas,
            "messages": topics.messages | streams.messages,
        },
    }


def _brokers(settings: Settings) -> dict[str, Json]:
    """Each bootstrap server: ``kafka``, ``kafka-2`` and so on."""
    secured: Json = {} if settings.kafka_security == "PLAINTEXT" else {"description": "By TLS."}
    if settings.kafka_security == "SASL_SSL":
        secured["security"] = [{"type": _SASL[settings.kafka_sasl]}]
    return {
        "kafka" if number == 1 else f"kafka-{number}": {
            "host": host,
            "protocol": "kafka-secure" if secured else "kafka",
            **secured,
            "bindings": KAFKA_BINDING,
        }
        for number, host in enumerate(settings.kafka_servers.split(","), 1)
    }


def _api(settings: Settings) -> Json:
    here = {"default": f"127.0.0.1:{settings.api_port}", "description": "Where this document was got from."}
    return {"host": "{host}", "protocol": "ws", "variables": {"host": here}}
