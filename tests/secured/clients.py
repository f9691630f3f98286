"""How a test gets at the secured servers as one of their users: as a process would, by its settings."""

from __future__ import annotations

import os
from unittest.mock import patch

from libs.runtime.kafka_access import KafkaAccess
from libs.settings import Settings, load
from libs.views.redis_access import RedisAccess
from tests.secured.servers import Secured


def settings(secured: Secured, user: str, **changed: str) -> Settings:
    """What a process that is this user reads from its environment."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("STRATAFOLD_")}
    with patch.dict(os.environ, {**others, **secured.environment(user, **changed)}, clear=True):
        return load()


def access(secured: Secured, user: str, **changed: str) -> tuple[KafkaAccess, RedisAccess]:
    """Kafka and Redis as this user."""
    found = settings(secured, user, **changed)
    return KafkaAccess.of(found), RedisAccess.of(found)
