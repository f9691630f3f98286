"""What a panel asks of Redis, as the Redis data source (redis-datasource 2.2.0) wants it told. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import DataSourceRef

SOURCE: Final = DataSourceRef(type_val="redis-datasource", uid="stratafold-redis")
"""The data source that `provisioning/datasources` makes."""

TIME: Final = "$time"
"""The column in which the data source gives the time of a stream's entry."""


@dataclass(frozen=True, slots=True)
class RedisQuery(Dataquery):
    """One command on one key; ``ref`` is the query's name within its panel.

    ``$names`` in the key are the dashboard's variables. A range of a stream is that of the dashboard's time.
    """

    command: str
    key: str
    ref: str = "A"
    count: int = 0

    def to_json(self) -> dict[str, object]:
        """As it stands in a dashboard; a count of 0 sets no bound."""
        told: dict[str, object] = {
            "refId": self.ref,
            "datasource": SOURCE.to_json(),
            "type": "command",
            "command": self.command,
            "keyName": self.key,
        }
        return told | ({"count": self.count} if self.count else {})

    @property
    def of_a_stream(self) -> bool:
        """Whether the answer has a row an entry, with its time."""
        return self.command in {"xrange", "xrevrange"}


def entries(key: str, ref: str = "A") -> RedisQuery:
    """A stream's entries of the dashboard's time, the oldest first: a row each, a column a field."""
    return RedisQuery("xrange", key, ref)


def over_time(name: str, ref: str = "A") -> RedisQuery:
    """The figures of a service, or of ``business``, in the grain that was chosen on the dashboard."""
    return entries(f"m:${{grain}}:{name}", ref)


def latest(key: str, count: int) -> RedisQuery:
    """So many of a stream's last entries in the dashboard's time, the newest first."""
    return RedisQuery("xrevrange", key, count=count)


def row(key: str, ref: str = "A") -> RedisQuery:
    """A hash as it is: one row, a column a field."""
    return RedisQuery("hgetall", key, ref)
