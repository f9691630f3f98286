"""Somebody who looks at the dashboards: asks Redis by the user that Grafana has, as its data source would."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from redis import Redis

from tests.deploy.redis_source import choices

USERS: Final = Path(__file__).resolve().parents[2] / "deploy" / "redis" / "users.acl"
USER: Final = "grafana"


class Viewer:
    """Asks, and gets answers with texts decoded and not read any further, as the plugin does."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def ask(self, words: list[str]) -> Any:
        """The answer to a command. Raises RedisError."""
        return self._redis.execute_command(*words)  # type: ignore[no-untyped-call]

    def values(self, dashboard: Mapping[str, Any], grain: str) -> dict[str, str]:
        """What a dashboard's variables stand for: of what can be chosen the first; LookupError where nothing can."""
        chosen = {"grain": grain}
        for variable in dashboard["templating"]["list"]:
            if variable["type"] == "query":
                members = self.ask(choices(variable["query"]))
                if not members:
                    raise LookupError(f"{variable['name']}: nothing to choose from")
                chosen[variable["name"]] = min(members)
        return chosen


@contextmanager
def viewer(url: str) -> Iterator[Viewer]:
    """On a server that runs. Raises RedisError."""
    with as_grafana(url) as redis:
        yield Viewer(redis)


@contextmanager
def as_grafana(url: str, *, texts: bool = True) -> Iterator[Redis]:
    """A client that doesn't read answers any further, decoded or not; the server is told of its user as deployed."""
    rules = next(line.split()[2:] for line in USERS.read_text("utf-8").splitlines() if f" {USER} " in line)
    with Redis.from_url(url) as redis:
        redis.execute_command("ACL", "SETUSER", USER, *rules)
    with Redis.from_url(url, username=USER, password="", decode_responses=texts, protocol=2) as redis:
        redis.response_callbacks.clear()
        yield redis
