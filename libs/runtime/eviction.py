"""A Redis that drops keys when it is full: each time what it dropped is missed, a partition is made anew."""

from __future__ import annotations

from typing import Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from libs.runtime.patience import Patience

# The other policies drop at most what was given a time to live, and nothing of ours is.
_DROPS: Final = "allkeys"

logger = structlog.get_logger()


async def warn_of_eviction(redis: Redis, patience: Patience) -> None:
    """Log a warning where this Redis may drop keys by itself; nothing where we may not ask. Waits while it is away."""
    policy = await patience.redis("ask whether it keeps all keys", lambda: _eviction(redis))
    if policy is not None:
        logger.warning(
            "this Redis drops keys when it is full, and partitions are made anew then: set maxmemory-policy noeviction",
            maxmemory_policy=policy,
        )


async def _eviction(redis: Redis) -> str | None:
    try:
        told = await redis.info("memory")
    except ResponseError:
        return None
    policy = str(told.get("maxmemory_policy"))
    return policy if told.get("maxmemory") and policy.startswith(_DROPS) else None
