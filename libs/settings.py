"""What a process is told by its environment: one class, read and judged once, at the start.

Every setting is an environment variable, `STRATAFOLD_` and the field's name in capitals. A wrong one is refused with
one line that names the variable and the reason; what it was set to is never repeated, since it may be a secret.
"""

from __future__ import annotations

import base64
import binascii
import difflib
import logging
import os
import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PREFIX: Final = "STRATAFOLD_"
SERVICES: Final = ("operations", "executions", "versions", "agents", "strategies")
# A topic's name has at most 249 characters; the longest of ours, with room for more, follows the namespace and a dot.
NAMESPACE_CHARACTERS: Final = 200
_TRACES_PATH: Final = "/v1/traces"  # where a collector of OTLP takes them unless it says otherwise

_log = logging.getLogger("stratafold.settings")


class SettingsError(ValueError):
    """A wrong or missing setting: its text is one line for the user; the process should end with status 2."""


def _items(value: object) -> object:
    """`a, b` from the environment as ("a", "b"); anything else is left to the field's own type."""
    if isinstance(value, str):
        return tuple(item for item in (part.strip() for part in value.split(",")) if item)
    return value


def _servers(value: str) -> str:
    servers = [server.strip() for server in value.split(",")]
    for server in servers:
        host, _, port = server.rpartition(":")
        if not host or not re.fullmatch(r"[0-9]{1,5}", port) or not 1 <= int(port) <= 65535:
            raise ValueError("must be host:port, or several with commas between them")
    return ",".join(servers)


def _redis_url(value: SecretStr) -> SecretStr:
    wrong = ValueError("must be a URL such as redis://host:6379/0 (or rediss://, unix://)")
    try:
        url = urlsplit(value.get_secret_value())
        # reading the port is what checks it
        placed = bool(url.path) if url.scheme == "unix" else bool(url.hostname) and url.port != 0
    except ValueError:
        raise wrong from None
    if url.scheme not in ("redis", "rediss", "unix") or not placed:
        raise wrong
    return value


def _collector(value: str) -> str:
    wrong = ValueError("must be a URL such as http://host:4318 (or https://)")
    try:
        url = urlsplit(value)
        placed = bool(url.hostname) and url.port != 0
    except ValueError:
        raise wrong from None
    if url.scheme not in ("http", "https") or not placed:
        raise wrong
    if "@" in url.netloc or url.query or url.fragment:
        raise ValueError(
            "may have no user, query or fragment: a collector's keys go into OTEL_EXPORTER_OTLP_HEADERS"
        )
    return value if url.path.strip("/") else f"{value.rstrip('/')}{_TRACES_PATH}"


def _namespace(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]*", value):
        raise ValueError("may have letters, digits, '.', '_' and '-' only, as a Kafka topic's name")
    if len(value) > NAMESPACE_CHARACTERS:
        raise ValueError(f"must have at most {NAMESPACE_CHARACTERS} characters")
    return value


def _services(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value or any(name not in SERVICES for name in value):
        raise ValueError(f"must be some of {', '.join(SERVICES)}, with commas between them")
    return tuple(name for name in SERVICES if name in value)


def _webhook_key(secret: SecretStr) -> bytes:
    prefix, encoded = "whsec_", secret.get_secret_value()
    if not encoded.startswith(prefix):
        raise ValueError("each secret must begin with whsec_")
    try:
        key = base64.b64decode(encoded.removeprefix(prefix).encode(), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise ValueError("what follows whsec_ must be base64, with its padding") from None
    if not key:
        raise ValueError("a secret is empty after whsec_")
    return key


def _webhook_secrets(value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    for secret in value:
        _webhook_key(secret)
    return value


def _master_key(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[0-9a-fA-F]{64}", value.get_secret_value()):
        raise ValueError("must be 64 hex digits")
    return value


def _folder(value: Path) -> Path:
    folder = value.expanduser().absolute()
    # the servers' own settings are lines of text, and name it
    if re.search(r"[\x00-\x1f\x7f\ud800-\udfff]", str(folder)):
        raise ValueError("must be a path in UTF-8 without control characters, such as a line break")
    return folder


def _authorities(value: Path) -> Path:
    file = value.expanduser().absolute()
    try:
        ssl.create_default_context(cafile=str(file))
    except ssl.SSLError:
        raise ValueError("must be a file of certificates in PEM") from None
    except OSError as why:
        raise ValueError(f"can't be read: {why.strerror}") from None
    return file


Authorities = Annotated[Path, AfterValidator(_authorities)]
Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(allow_inf_nan=False)]


class Settings(BaseSettings):
    """All settings, valid. Made by `load`; the fields' names are those of the environment without the prefix."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    kafka: Annotated[str, AfterValidator(_servers)] | None = None
    """Bootstrap servers; None: the local one."""
    kafka_security: Literal["PLAINTEXT", "SSL", "SASL_SSL"] = "PLAINTEXT"
    kafka_sasl: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    """How user and password are shown to Kafka; for SASL_SSL."""
    kafka_user: str | None = None
    kafka_password: SecretStr | None = None
    kafka_ca: Authorities | None = None
    """Who may have signed the brokers' certificates; None: whom the system trusts."""
    redis: Annotated[SecretStr, AfterValidator(_redis_url)] | None = None
    """URL, a user and password in it kept out of sight; None: the local one. With TLS: rediss://."""
    redis_ca: Authorities | None = None
    """Who may have signed the certificate of Redis; None: whom the system trusts."""
    namespace: Annotated[str, AfterValidator(_namespace)] = ""
    """Goes before every topic, key and group; empty: nothing does."""
    partitions: Annotated[int, Field(ge=1, le=10_000)] = 6
    """Of each topic, for the life of the topics."""
    replication: Annotated[int, Field(ge=1, le=32_767)] = 1
    create_topics: bool = True
    services: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_items), AfterValidator(_services)] = (
        SERVICES
    )
    """In the order of `SERVICES`, each once."""
    data: Annotated[Path, AfterValidator(_folder)] = Field(default=Path(".stratafold"), validate_default=True)
    """Folder of the local stack, absolute; by default .stratafold in the folder that the program was started in, so
    that each clone has its own."""
    local_kafka_port: Port = 19092
    local_redis_port: Port = 16379
    gateway_port: Port = 8001
    api_port: Port = 8000
    metrics_port: Port | None = None
    """Where a worker, a connector or the metrics process serves its health and metrics; None: nowhere."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is logged; debug: a line a batch."""
    traces: Annotated[str, AfterValidator(_collector)] | None = None
    """URL of an OpenTelemetry collector (OTLP over HTTP); None: no process makes traces."""
    traces_share: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Of the requests and frames that come without a ``traceparent``: how many begin a trace."""
    webhook_secrets: Annotated[
        tuple[SecretStr, ...], NoDecode, BeforeValidator(_items), AfterValidator(_webhook_secrets)
    ] = ()
    master_key: Annotated[SecretStr, AfterValidator(_master_key)] | None = None
    replay_seconds: Annotated[Seconds, Field(ge=0)] = 300
    poll_seconds: Annotated[Seconds, Field(gt=0)] = 30
    rate_limit: Annotated[int, Field(ge=0)] = 600
    """Requests a minute and token; 0: no limit."""
    history: Annotated[int, Field(ge=1)] = 10_000
    """Entries of an entity's history (and of each agent's stream) that Redis keeps."""
    upstream_api_key: SecretStr | None = None
    upstream_api_secret: SecretStr | None = None

    @model_validator(mode="after")
    def _together(self) -> Self:
        """What makes no sense beside another setting: a password, say, that would never be shown to anybody."""
        secured, named = self.kafka_security != "PLAINTEXT", self.kafka_security == "SASL_SSL"
        if secured and self.kafka is None:
            raise ValueError(f"{PREFIX}KAFKA: is needed with KAFKA_SECURITY, the local one has no TLS")
        for name, value in (("KAFKA_USER", self.kafka_user), ("KAFKA_PASSWORD", self.kafka_password)):
            if named and value is None:
                raise ValueError(f"{PREFIX}{name}: is needed with KAFKA_SECURITY=SASL_SSL")
            if not named and value is not None:
                raise ValueError(f"{PREFIX}{name}: is of no use without KAFKA_SECURITY=SASL_SSL")
        if self.kafka_ca is not None and not secured:
            raise ValueError(f"{PREFIX}KAFKA_CA: is of no use without KAFKA_SECURITY")
        if self.redis_ca is not None and not self.redis_url.startswith("rediss:"):
            raise ValueError(f"{PREFIX}REDIS_CA: is of no use without a REDIS that begins with rediss://")
        return self

    @property
    def kafka_servers(self) -> str:
        """Bootstrap servers, the local stack's unless others are set."""
        return self.kafka or f"127.0.0.1:{self.local_kafka_port}"

    @property
    def redis_url(self) -> str:
        """URL of Redis, with any password in it: for the client, not for a log. By default the local stack's."""
        if self.redis is not None:
            return self.redis.get_secret_value()
        return f"redis://127.0.0.1:{self.local_redis_port}/0"

    @property
    def webhook_keys(self) -> tuple[bytes, ...]:
        """The webhook secrets decoded to the bytes that sign, in the order given."""
        return tuple(_webhook_key(secret) for secret in self.webhook_secrets)

    @property
    def master_key_bytes(self) -> bytes | None:
        """The 32 bytes of the master key, None where there is none."""
        return None if self.master_key is None else bytes.fromhex(self.master_key.get_secret_value())


def load() -> Settings:
    """Read the environment; warn of each STRATAFOLD_ variable that no setting has.

    Raises `SettingsError` with one line that names every wrong variable and why it is wrong.
    """
    for name, near in unknown(os.environ).items():
        _log.warning("%s is no setting and is left aside%s", name, f"; {near} is one" if near else "")
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError("; ".join(_reason(item["loc"], item["msg"]) for item in error.errors())) from None


def unknown(environment: Mapping[str, str]) -> dict[str, str | None]:
    """The variables with our prefix that no setting has, each with the setting that it may have been meant for."""
    known = [name.upper() for name in Settings.model_fields]
    strangers: dict[str, str | None] = {}
    for name in sorted(environment):
        bare = name.removeprefix(PREFIX)
        if name.startswith(PREFIX) and bare not in known:
            near = difflib.get_close_matches(bare, known, 1)
            strangers[name] = PREFIX + near[0] if near else None
    return strangers


def _reason(location: tuple[int | str, ...], message: str) -> str:
    said = message.removeprefix("Value error, ").removeprefix("Input ")
    if not location:  # of several settings together, which names the one at fault itself
        return said
    return f"{PREFIX}{str(location[0]).upper()}: {said[:1].lower()}{said[1:]}"
