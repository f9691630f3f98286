"""Several things under way at once, of which none is left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


async def together(*work: Coroutine[Any, Any, Any], lesser: tuple[type[Exception], ...]) -> list[Any]:
    """What each gives, in order; raises once all have ended, and rather what is none of the ``lesser`` failures.

    Whichever fails, the others are waited for: what is under way when a partition starts again would follow what it
    writes then.
    """
    outcomes = await asyncio.gather(*work, return_exceptions=True)
    failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    if failures:
        raise next((one for one in failures if not isinstance(one, lesser)), failures[0])
    return outcomes
