"""When a metrics process says that it is ready; each test is named for the rule that it guards."""

from __future__ import annotations

from services.metrics.readiness import Readiness


class Clock:
    """Stands until it is set."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_it_is_ready_once_it_wrote_or_another_does() -> None:
    """Not before: to have the lease is not to write."""
    readiness = Readiness()
    assert readiness.obstacle() == "Redis has not answered yet"
    readiness.begins()
    assert readiness.obstacle() == "nothing was written yet"
    readiness.wrote()
    assert readiness.obstacle() is None
    readiness.stands_by()
    assert readiness.obstacle() is None


def test_who_writes_nothing_for_five_seconds_is_not_ready() -> None:
    """Whatever keeps it; one that stands by need not write."""
    clock = Clock()
    readiness = Readiness(clock)
    readiness.begins()
    readiness.wrote()
    clock.now += 5
    assert readiness.obstacle() is None
    clock.now += 1
    assert readiness.obstacle() == "nothing was written for 6 s: a look takes too long"
    readiness.stands_by()
    clock.now += 60
    assert readiness.obstacle() is None


def test_to_begin_again_mends_nothing() -> None:
    """A process that gets the lease, and fails in each look, is not ready in between either."""
    clock = Clock()
    readiness = Readiness(clock)
    for _ in range(4):
        readiness.begins()
        readiness.failed("Redis refused a look: WRONGTYPE")
        readiness.begins()
        assert "WRONGTYPE" in (readiness.obstacle() or "")
        clock.now += 2
    assert readiness.obstacle() == "nothing was written for 8 s: Redis refused a look: WRONGTYPE"
    readiness.wrote()
    assert readiness.obstacle() is None
