"""``python -m services.simulator.strategy_upstream``: a made-up upstream of 004, for demos and tests.

Signatures are checked against STRATAFOLD_UPSTREAM_API_KEY and STRATAFOLD_UPSTREAM_API_SECRET.
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from random import Random

from libs.settings import SettingsError, load
from services.simulator.channel import Channel, Lies
from services.simulator.strategy_server import StrategyUpstream
from services.simulator.strategy_stories import Stories
from services.simulator.upstream_process import parser, pauses, play, run, share


def options() -> argparse.ArgumentParser:
    """What can be set."""
    made = parser(__doc__)
    made.add_argument("--strategies", type=int, default=6)
    made.add_argument("--replay", type=float, default=300.0, help="seconds that events can be replayed (300)")
    for name, about in (
        ("jump", "before which numbers are skipped"),
        ("double", "that come twice"),
        ("reset", "at which the counter begins anew"),
    ):
        made.add_argument(f"--{name}", type=share, default=0.0, help=f"share of events {about}")
    return made


async def main(given: argparse.Namespace) -> None:
    """Tell stories until cancelled. Raises SettingsError, OSError."""
    settings = load()
    key, secret = settings.upstream_api_key, settings.upstream_api_secret
    if key is None or secret is None:
        raise SettingsError(
            "STRATAFOLD_UPSTREAM_API_KEY and _API_SECRET: are missing; clients sign with them"
        )
    rng = Random(given.seed)  # noqa: S311 - reproducible, not secret
    channel = Channel(given.replay, Lies(given.jump, given.double, given.reset), rng)
    upstream = StrategyUpstream(key.get_secret_value(), secret.get_secret_value(), channel)
    stories, pause = Stories(given.seed, given.strategies), pauses(given.rate, rng)

    async def tell() -> None:
        while True:
            await pause()
            told = stories.next()
            now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            upstream.emit(told.strategy_id, told.event, told.data, now)

    await play(upstream, given, [tell()])


if __name__ == "__main__":
    sys.exit(run("strategy-upstream", main, options()))
