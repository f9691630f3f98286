"""What each process has business with in Kafka and Redis, written down apart from `deploy/rights.toml`.

What a server grants is held against this, and so is the file: a right that is widened there is seen here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from libs.contracts.names import SERVICES

KEYS: Final = {
    **{service: f"{{{service}.0}}:position" for service in SERVICES},
    "figures": "m:now:operations",
    "business figures": "m:ts:business",
    "series": "ts:rate:operations",
    "credentials": "credentials",
    "rates": "rate:x:1",
    "signatures": "signature:x",
    "nobody's": "stray",
}
"""One key of each kind that there is, and one of none."""


@dataclass(frozen=True, slots=True)
class Business:
    """Of one process: topics, groups, kinds of keys, and the Redis commands besides those of any connection."""

    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
    configs: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    keys_read: frozenset[str] = frozenset()
    keys_written: frozenset[str] = frozenset()
    commands: frozenset[str] = frozenset()
    series: frozenset[str] = frozenset()
    """Commands that only a Redis with TimeSeries has."""


def _topics(*streams: str) -> frozenset[str]:
    return frozenset(f"{service}.{stream}" for service in SERVICES for stream in streams)


def _commands(words: str) -> frozenset[str]:
    return frozenset(words.split())


_ALL: Final = frozenset(SERVICES)
_SCRIPTS: Final = "multi exec evalsha eval script|load"


def _worker(service: str, *tells: str, hears: tuple[str, ...] = ()) -> Business:
    """Its own topics and keys, the inputs of those that it ``tells``, and the topics that it ``hears``."""
    own = frozenset(f"{service}.{stream}" for stream in ("in", "log", "events", "state", "dead"))
    return Business(
        reads=own | {*hears},
        writes=own | {*tells},
        groups=frozenset({service}),
        keys_written=frozenset({service}),
        commands=_commands(
            f"{_SCRIPTS} time info type exists scan hget hmget hgetall hset hsetnx hdel "
            "sadd scard smismember zadd zrem zrange rpush ltrim xadd del unlink"
        ),
    )


_WEBHOOKS: Final = frozenset({"operations.in", "executions.in"})
_LOGS_OF_FRAMES_AND_ANSWERS: Final = frozenset({"versions.log", "strategies.log", "agents.log"})

BUSINESS: Final = {
    "operations": _worker("operations"),
    "executions": _worker("executions", "operations.in"),
    "versions": _worker("versions", hears=("instruments.in",)),
    "agents": _worker("agents"),
    "strategies": _worker("strategies"),
    "gateway": Business(writes=_WEBHOOKS, configs=_WEBHOOKS),
    "api": Business(
        reads=_topics("in", "events", "dead")
        | _LOGS_OF_FRAMES_AND_ANSWERS
        | {"instruments.in", "credentials"},
        writes=_topics("in"),
        keys_read=_ALL | {"business figures"},
        keys_written=frozenset({"credentials", "rates", "signatures"}),
        commands=_commands(
            f"{_SCRIPTS} exists hget hmget hgetall lrange zrange zrevrangebyscore xrevrange "
            "set incrby expire del hset hdel"
        ),
    ),
    "metrics": Business(
        reads=_topics("in", "events", "dead"),
        keys_read=_ALL,
        keys_written=frozenset({"figures", "business figures", "series"}),
        commands=_commands(
            f"{_SCRIPTS} time command|list get set pexpire del hmget hgetall hset sadd "
            "zcard zrangebyscore zrevrange xadd xdel xrange xrevrange"
        ),
        series=_commands("ts.add"),
    ),
    "connect-strategies": Business(
        reads=frozenset({"strategies.in"}),
        writes=frozenset({"strategies.in"}),
        keys_read=frozenset({"strategies"}),
        commands=_commands("hget zrange"),
    ),
    "connect-agents": Business(reads=frozenset({"agents.in"}), writes=frozenset({"agents.in"})),
}

OF_REDIS: Final = sorted(name for name, one in BUSINESS.items() if one.commands)
"""Whoever is a user of Redis."""
