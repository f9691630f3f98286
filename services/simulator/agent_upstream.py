"""``python -m services.simulator.agent_upstream``: a made-up upstream of 002, for demos and tests.

Time is compressed: snapshots, a quarter of an hour apart in earnest, come every few seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from datetime import UTC, datetime
from random import Random

from services.simulator.agent_server import AgentUpstream
from services.simulator.agent_stories import AgentStory
from services.simulator.upstream_process import parser, pauses, play, run


def options() -> argparse.ArgumentParser:
    """What can be set."""
    made = parser(__doc__)
    made.add_argument("--agents", type=int, default=1)
    made.add_argument("--snapshot-every", type=float, default=5.0, help="seconds (5)")
    return made


async def main(given: argparse.Namespace) -> None:
    """Tell stories until cancelled. Raises OSError."""
    rng = Random(given.seed)  # noqa: S311 - reproducible, not secret
    stories = {f"agent-{number}": AgentStory(given.seed + number) for number in range(1, given.agents + 1)}
    upstream = AgentUpstream(list(stories))
    pause = pauses(given.rate / 2, rng)  # most of what happens is told by two messages

    async def live() -> None:
        while True:
            await pause()
            agent = rng.choice(list(stories))
            for message in stories[agent].next(_now()):
                upstream.emit(agent, message)

    async def count() -> None:
        while True:
            for agent, story in stories.items():
                for message in story.snapshot(_now()):
                    upstream.emit(agent, message)
            await asyncio.sleep(given.snapshot_every)

    await play(upstream, given, [live(), count()])


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


if __name__ == "__main__":
    sys.exit(run("agent-upstream", main, options()))
