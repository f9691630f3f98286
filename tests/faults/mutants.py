"""Workers without one of their safeguards: what the fault runs must catch, or they prove nothing.

Each takes its safeguard out of this process, and gives the aggregate to run.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from libs.ledger import partition as ledger_partition
from libs.ledger.aggregate import Aggregate
from libs.ledger.records import Folded
from libs.runtime import partition
from libs.runtime.partition import Partition
from libs.runtime.ports import Ledger
from libs.views import store
from libs.views.ownership import Ownership

Mutate = Callable[[Aggregate[Any]], Aggregate[Any]]


def redis_before_log(aggregate: Aggregate[Any]) -> Aggregate[Any]:
    """Redis is written first, and the log only then."""
    write = Partition._write

    async def ahead(self: Partition[Any], own: Ownership, folded: Folded) -> None:
        await self._store.apply(own, folded, own.log_offset + len(folded.log))
        self._m.failpoint.passed("after_script")
        await write(self, own, folded)

    Partition._write = ahead  # type: ignore[method-assign]
    return aggregate


def no_deduplication(aggregate: Aggregate[Any]) -> Aggregate[Any]:
    """Nothing is recognized as seen before."""
    setattr(ledger_partition, "holds", lambda *_: False)  # noqa: B010 - it is not the module's own
    return aggregate


def with_a_clock(aggregate: Aggregate[Any]) -> Aggregate[Any]:
    """What is derived depends on when it is derived."""

    def derive(*told: Any) -> Any:
        return [one._replace(data={**one.data, "at": time.time()}) for one in aggregate.derive(*told)]

    return replace(aggregate, derive=derive)


def blind_to_what_is_behind(aggregate: Aggregate[Any]) -> Aggregate[Any]:
    """Redis is written and read without a look at how far it is written."""
    script = store._script

    def blind(redis: Redis, name: str) -> AsyncScript:
        found = script(redis, name)
        kept = [
            line
            for line in str(found.script).split("\n")
            if "BEHIND" not in line and "p[3] ~= ARGV[3]" not in line
        ]
        return redis.register_script("\n".join(kept))

    store._script = blind
    return aggregate


def leaves_states_that_others_wrote(aggregate: Aggregate[Any]) -> Aggregate[Any]:
    """What stands behind the owner's last state is let stand."""

    async def as_it_is(fold: Any, own: Ownership, since: int, store: Any, ledger: Ledger, *more: Any) -> int:
        return (await ledger.state_bounds())[1]

    setattr(partition, "mend", as_it_is)  # noqa: B010 - it is not the module's own
    return aggregate


def asleep(aggregate: Aggregate[Any]) -> Aggregate[Any]:
    """A worker that slept through the loss of its partition goes on as if nothing had been."""

    async def never(self: Partition[Any], own: Ownership) -> None:
        return None

    async def blindly(self: Partition[Any], own: Ownership) -> None:
        await asyncio.Event().wait()

    leaves_states_that_others_wrote(aggregate)  # which would mend what this does
    Partition._make_sure = never  # type: ignore[method-assign]
    Partition._watch = blindly  # type: ignore[method-assign] # which after the sleep often asks in time as well
    return aggregate


MUTANTS: Final[dict[str, Mutate]] = {
    mutate.__name__: mutate
    for mutate in (redis_before_log, no_deduplication, with_a_clock, blind_to_what_is_behind, asleep)
}
