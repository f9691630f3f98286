"""The one place that says how a client gets at Kafka: which servers, whether by TLS, as which user."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Any, Final

from faststream.kafka.security import parse_security
from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from libs.runtime.closing import close_soon
from libs.settings import Settings

_MECHANISMS: Final = {
    "PLAIN": SASLPlaintext,
    "SCRAM-SHA-256": SASLScram256,
    "SCRAM-SHA-512": SASLScram512,
}


close_soon()  # here, for no client is made by one who has no access


@dataclass(frozen=True, slots=True)
class KafkaAccess:
    """Bootstrap servers (`host:port`, several with commas between them) and what they ask for, None for nothing."""

    servers: str
    security: BaseSecurity | None = None

    @classmethod
    def of(cls, settings: Settings) -> KafkaAccess:
        """As the settings have it."""
        if settings.kafka_security == "PLAINTEXT":
            return cls(settings.kafka_servers)
        trusted = ssl.create_default_context(cafile=settings.kafka_ca)
        if settings.kafka_security == "SSL":
            return cls(settings.kafka_servers, BaseSecurity(ssl_context=trusted, use_ssl=True))
        assert settings.kafka_user is not None
        assert settings.kafka_password is not None
        shown = _MECHANISMS[settings.kafka_sasl](
            settings.kafka_user, settings.kafka_password.get_secret_value(), ssl_context=trusted, use_ssl=True
        )
        return cls(settings.kafka_servers, shown)

    def options(self) -> dict[str, Any]:
        """What every client of aiokafka is to be made with."""
        return {"bootstrap_servers": self.servers, **parse_security(self.security)}
