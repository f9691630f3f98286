"""What AsyncAPI 3.0.0 and its bindings of Kafka (0.5.0) and WebSockets allow of what we write, as JSON Schema.

Closed: a member that the specification does not know is found. A reference may stand for any object.
"""

from __future__ import annotations

from typing import Any, Final

TEXT: Final = {"type": "string"}
_TEXTS: Final = ("title", "summary", "description")
_ANY: Final[dict[str, Any]] = {}
_REFERENCE: Final = {"type": "object", "required": ["$ref"], "properties": {"$ref": TEXT}, "maxProperties": 1}
_COUNT: Final = {"type": "integer", "minimum": 1}
_MORE: Final = ("tags", "externalDocs")


def _closed(required: tuple[str, ...] = (), **members: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "required": list(required),
        "properties": members,
        "patternProperties": {"^x-": _ANY},
        "additionalProperties": False,
    }


def _object(required: tuple[str, ...] = (), **members: Any) -> dict[str, Any]:
    """With what nearly every object may have."""
    more = {**dict.fromkeys(_TEXTS, TEXT), **dict.fromkeys(_MORE, _ANY)}
    return {"oneOf": [_REFERENCE, _closed(required, **{**more, **members})]}


def _by_name(one: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": one}


def _bindings(**protocols: Any) -> dict[str, Any]:
    return _closed((), **protocols)


_REFERENCES: Final = {"type": "array", "items": _REFERENCE}
_SCHEMA: Final = {"type": ["object", "boolean"]}
_VERSIONED: Final = {"bindingVersion": TEXT}
_KAFKA_TOPIC: Final = {
    "type": "object",
    "properties": {
        "cleanup.policy": {"type": "array", "items": {"enum": ["compact", "delete"]}},
        "retention.ms": {"type": "integer", "minimum": -1},
        "retention.bytes": {"type": "integer", "minimum": -1},
        "delete.retention.ms": {"type": "integer", "minimum": 0},
        "max.message.bytes": {"type": "integer", "minimum": 0},
    },
}
_SECURITY: Final = {
    "type": "array",
    "items": {
        "oneOf": [
            _REFERENCE,
            {
                "type": "object",
                "required": ["type"],
                "properties": {
                    "type": {
                        "enum": [
                            "userPassword",
                            "apiKey",
                            "X509",
                            "symmetricEncryption",
                            "asymmetricEncryption",
                            "httpApiKey",
                            "http",
                            "oauth2",
                            "openIdConnect",
                            "plain",
                            "scramSha256",
                            "scramSha512",
                            "gssapi",
                        ]
                    }
                },
            },
        ]
    },
}
_VARIABLE: Final = _closed((), enum=_ANY, default=TEXT, description=TEXT, examples=_ANY)
_SERVER: Final = _object(
    ("host", "protocol"),
    host=TEXT,
    protocol=TEXT,
    pathname=TEXT,
    protocolVersion=TEXT,
    variables=_by_name(_VARIABLE),
    security=_SECURITY,
    bindings=_bindings(
        kafka=_closed((), schemaRegistryUrl=TEXT, schemaRegistryVendor=TEXT, **_VERSIONED), ws=_closed()
    ),
)
_CHANNEL: Final = _object(
    (),
    address={"type": ["string", "null"]},
    messages=_by_name(_REFERENCE),
    servers=_REFERENCES,
    parameters=_by_name(_closed((), enum=_ANY, default=TEXT, description=TEXT, examples=_ANY, location=TEXT)),
    bindings=_bindings(
        kafka=_closed(
            (),
            topic=TEXT,
            partitions=_COUNT,
            replicas=_COUNT,
            topicConfiguration=_KAFKA_TOPIC,
            **_VERSIONED,
        ),
        ws=_closed((), method={"enum": ["GET", "POST"]}, query=_SCHEMA, headers=_SCHEMA, **_VERSIONED),
    ),
)
_OPERATION: Final = _object(
    ("action", "channel"),
    action={"enum": ["send", "receive"]},
    channel=_REFERENCE,
    messages=_REFERENCES,
    security=_SECURITY,
    reply=_ANY,
    traits=_ANY,
    bindings=_bindings(kafka=_closed((), groupId=_SCHEMA, clientId=_SCHEMA, **_VERSIONED)),
)
_EXAMPLE: Final = _closed((), name=TEXT, summary=TEXT, headers={"type": "object"}, payload=_ANY)
_MESSAGE: Final = _object(
    (),
    name=TEXT,
    contentType=TEXT,
    headers=_SCHEMA,
    payload=_SCHEMA,
    correlationId=_ANY,
    traits=_ANY,
    examples={"type": "array", "items": _EXAMPLE},
    bindings=_bindings(
        kafka=_closed(
            (),
            key=_SCHEMA,
            schemaIdLocation=TEXT,
            schemaIdPayloadEncoding=TEXT,
            schemaLookupStrategy=TEXT,
            **_VERSIONED,
        )
    ),
)
FORM: Final = _closed(
    ("asyncapi", "info"),
    asyncapi={"const": "3.0.0"},
    id=TEXT,
    defaultContentType=TEXT,
    info=_closed(
        ("title", "version"),
        title=TEXT,
        version=TEXT,
        description=TEXT,
        termsOfService=TEXT,
        contact=_ANY,
        license=_ANY,
        **dict.fromkeys(_MORE, _ANY),
    ),
    servers=_by_name(_SERVER),
    channels=_by_name(_CHANNEL),
    operations=_by_name(_OPERATION),
    components=_closed(
        (),
        messages=_by_name(_MESSAGE),
        schemas=_by_name(_SCHEMA),
        securitySchemes=_by_name(_ANY),
    ),
)
