"""Which events the feed keeps; each test is named for the rule that it guards."""

from __future__ import annotations

from services.metrics.commands import Command
from services.metrics.feed import KEPT, Feed


def _came(service: str, count: int = 1) -> list[dict[str, str]]:
    return [{"service": service, "type": "t"}] * count


def _after(*several: list[Command]) -> list[tuple[str, str]]:
    """The id and the service of what is in the stream once all of that took effect."""
    there: dict[str, str] = {}
    for name, _, *words in (command for commands in several for command in commands):
        if name == "XDEL":
            for entry_id in words:
                del there[entry_id]
        else:
            there[words[0]] = words[2]
    return list(there.items())


def test_who_tells_much_does_not_drive_out_who_tells_little() -> None:
    """Each service has its own last events there."""
    feed = Feed()
    told = [feed.add(1_000, _came("agents", 3))]
    told += [feed.add(2_000 + second, _came("executions", 36)) for second in range(100)]
    services = [service for _, service in _after(*told)]
    assert services == ["agents"] * 3 + ["executions"] * KEPT


def test_ids_rise_whatever_the_clock_does() -> None:
    """From what is there on, also where that is ahead of us: a lesser one would be refused."""
    feed = Feed([("5000-7", "agents")])
    told = [feed.add(at, _came("agents", 2)) for at in (4_000, 6_000, 6_000)]
    ids = [entry_id for entry_id, _ in _after(*told)]
    assert ids == ["5000-8", "5000-9", "6000-0", "6000-1", "6000-2", "6000-3"]


def test_what_is_there_already_counts_as_kept() -> None:
    """Whoever wrote it, and however much: one stream was for all once."""
    known = [(f"{at}-0", "executions") for at in range(1, 5 * KEPT + 1)]
    commands = Feed(known).add(9_000, _came("executions"))
    removed = [entry_id for name, _, *ids in commands if name == "XDEL" for entry_id in ids]
    assert removed == [entry_id for entry_id, _ in known[: 4 * KEPT + 1]]


def test_of_a_crowd_as_much_is_written_as_is_kept() -> None:
    """The latest of it; nothing is written to be removed at once."""
    came = [{"service": "versions", "type": str(number)} for number in range(KEPT + 100)]
    commands = Feed().add(1_000, came)
    assert [command[0] for command in commands] == ["XADD"] * KEPT
    assert commands[-1][-1] == str(KEPT + 99)
