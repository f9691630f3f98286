"""`deploy/rights.toml` as the rules of a Kafka authorizer and the users of a Redis."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FILE: Final = Path(__file__).resolve().parents[2] / "deploy" / "rights.toml"
# As Kafka's protocol numbers kinds of resources and operations.
_TOPIC, _GROUP = 2, 3
_READ, _WRITE, _DESCRIBE_CONFIGS = 3, 4, 10

Rule = tuple[int, str, int]
"""Kind of resource, its name, operation."""


@dataclass(frozen=True, slots=True)
class Rights:
    """What one process may do; ``keys`` and ``commands`` are empty for one that has no business with Redis."""

    name: str
    process: str
    reads: frozenset[str]
    writes: frozenset[str]
    configs: frozenset[str]
    groups: frozenset[str]
    keys: tuple[str, ...]
    commands: tuple[str, ...]
    series: tuple[str, ...]

    def rules(self) -> list[Rule]:
        """What Kafka allows its user."""
        return [
            *((_TOPIC, topic, _READ) for topic in sorted(self.reads)),
            *((_TOPIC, topic, _WRITE) for topic in sorted(self.writes)),
            *((_TOPIC, topic, _DESCRIBE_CONFIGS) for topic in sorted(self.configs)),
            *((_GROUP, group, _READ) for group in sorted(self.groups)),
        ]

    def redis_user(self, password: str, *, series: bool = False) -> str:
        """Its line in a file of users; ``series``: of a Redis that has TimeSeries."""
        commands = (*self.commands, *(self.series if series else ()))
        allowed = " ".join(f"+{command}" for command in commands)
        keys = " ".join(self.keys)
        return (
            f"user {self.name} on >{password} resetchannels {keys}"
            f" -@all +@connection -@admin -@dangerous {allowed}"
        )


def rights() -> dict[str, Rights]:
    """All processes by the names of their users."""
    found = {}
    for name, entry in tomllib.loads(FILE.read_text()).items():
        kafka, redis = entry.get("kafka", {}), entry.get("redis", {})
        reads, writes, configs, groups = (
            frozenset(kafka.get(part, ())) for part in ("read", "write", "configs", "groups")
        )
        keys, commands, series = (tuple(redis.get(part, ())) for part in ("keys", "commands", "series"))
        found[name] = Rights(name, entry["process"], reads, writes, configs, groups, keys, commands, series)
    return found
