"""What reaches a terminal: nothing that steers it, nothing wider or higher than it is."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from libs.views.figures import Figures
from libs.views.printable import printable
from libs.views.summaries import name_of, summary
from services.cli.letter_print import body
from services.cli.problems import LogTail, Problem, problem
from services.cli.screen import Figured, ProcessLine, Scene, Screen
from services.cli.text import apart, count, duration, latency, rate, shortened
from services.cli.watch import Event, Seen


def _scene(events: int = 100, problems: int = 9) -> Scene:
    counters = {f"{name}_total": 123_456 for name in ("in", "applied", "late", "duplicate", "events")}
    rows = [Figures(name, 6, 6, 1_234.5, 17, 12.0, 48.0, counters) for name in ("operations", "executions")]
    seen = Seen(rows, kafka_away="TimeoutError")
    for number in range(events):
        at = 1_780_000_000_000 - number
        seen.events.append(Event(str(number), at, "operation.completed", "663a258c-5e7c", "settled " * 30))
    return Scene(
        uptime=4_000,
        servers=(("Kafka", "127.0.0.1:19092"), ("Redis", "127.0.0.1:16379/0")),
        seen=seen,
        processes=[
            ProcessLine("operations", "running", 4711, 2),
            ProcessLine("gateway", "stopped", None, 0, "STRATAFOLD_WEBHOOK_SECRETS: is missing"),
        ],
        problems=[Problem("gateway", "12:00:00", "error", "x" * 500)] * problems,
        addresses=(("gateway", "http://127.0.0.1:8001"),),
    )


def _drawn(scene: Scene, width: int, height: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, color_system=None, legacy_windows=False)
    lines = console.render_lines(Screen(scene), console.options.update(height=height), pad=False)
    return ["".join(segment.text for segment in line) for line in lines]


@pytest.mark.parametrize("width", [80, 100, 140, 220])
@pytest.mark.parametrize("height", [30, 50])
@pytest.mark.parametrize("events", [0, 2, 100])
def test_a_screenful_fits_its_terminal_and_says_what_matters(width: int, height: int, events: int) -> None:
    lines = _drawn(_scene(events), width, height)
    text = "\n".join(lines)
    assert len(lines) <= height
    assert max(map(len, lines)) <= width
    for wanted in (
        "operations",
        "executions",
        "6/6",
        "123,456",
        "12 ms",
        "48 ms",
        "does not answer",
        "8001",
        "Ctrl-C",
    ):
        assert wanted in text
    assert text.count("operation.completed") == (events if events < 10 else pytest.approx(height - 18, abs=6))


def test_the_last_figures_can_be_printed_without_a_height() -> None:
    console = Console(file=io.StringIO(), width=80, color_system=None)
    console.print(Figured(_scene()))
    assert "executions" in console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize("text", ["\x1b[2J", "a\nb", "a\rb", "\x9b31m", "\u202egnp.exe", "\ud800"])
def test_nothing_foreign_steers_the_terminal(text: str) -> None:
    shown = printable(text)
    assert shown.isascii()
    assert shown.isprintable()


def test_figures_are_short() -> None:
    assert (count(999_999), count(1_234_567)) == ("999,999", "1.23 M")
    assert (rate(0), rate(0.25), rate(1_234.5)) == ("0", "0.2", "1,234")
    assert (latency(0), latency(48.4), latency(12_000)) == ("–", "48 ms", "12 s")
    assert duration(3_723) == "1:02:03"
    assert (shortened("abc", 3), shortened("abcd", 3)) == ("abc", "ab…")


@pytest.mark.parametrize("most", [20, 60])
def test_long_values_are_cut_around_the_place_where_they_differ(most: int) -> None:
    same = "x" * 500
    one, other = apart(f"{same}ONE{same}", f"{same}OTHER{same}", most)
    assert len(one) == len(other) == most
    assert one.startswith("…x")
    assert "ONE" in one
    assert "OTHER" in other
    assert one.endswith("x…")
    assert apart("abc", "abd", most) == ("abc", "abd")
    assert apart(same, f"{same}+", most)[1].endswith("x+")
    assert len(apart("", same, most)[1]) == most


def test_a_body_can_be_looked_at_whatever_it_is() -> None:
    assert '"a": 1' in body(b'{"a":1}').plain
    assert body(b"plain\x1b[0m").plain == "plain\\x1b[0m"
    assert body(b"\xff\x00A").plain == f"000000  {'ff 00 41':<47}  ··A"
    assert body(None).plain
    assert body(b"").plain
    assert "more" in body(b"\xff" * 10_000).plain


def test_an_event_is_told_in_a_few_words_and_an_odd_one_does_no_harm() -> None:
    assert name_of("stratafold.operation.completed.v1") == "operation.completed"
    ended = {"status": "settled", "status_reason": "partial_success", "duration_ms": 3_000}
    counts = {"total": 3, "settled": 2, "rejected": 1, "skipped": 0}
    said = summary("operation.completed", {**ended, "executions": counts})
    assert said == "settled (partial_success) in 3.0 s, 3 executions: 2 settled, 1 rejected"
    assert summary("operation.status_changed", {"from": "pricing", "to": "settled", "dwell_ms": 500}) == (
        "pricing → settled after 0.5 s"
    )
    for name in ("operation.completed", "operation.disputed", "instruction.executed", "something.new"):
        assert isinstance(summary(name, {}), str)


def test_our_warnings_and_worse_are_problems_and_so_is_what_is_no_log_line() -> None:
    line = b'{"time":"2026-01-01T12:34:56.789Z","level":"warning","event":"waiting for Redis","why":"away"}'
    assert problem("operations", line) == Problem(
        "operations", "12:34:56", "warning", "waiting for Redis why=away"
    )
    assert problem("operations", b'{"level":"info","event":"ready"}') is None
    assert problem("operations", b"Traceback (most recent call last):") is not None
    raw = b'{"level":"error","logger":"aiokafka.consumer.group_coordinator","event":"Group Coordinator Request failed"}'
    assert problem("operations", raw) is None
    assert problem("operations", b"  ") is None


def test_a_log_is_followed_from_its_end_through_a_new_file(tmp_path: Path) -> None:
    file = tmp_path / "x.log"
    file.write_bytes(b"old\n")
    tail = LogTail("x", file)
    assert tail.read() == []
    with file.open("ab") as log:
        log.write(b"one\ntw")
    assert [one.text for one in tail.read()] == ["one"]
    with file.open("ab") as log:
        log.write(b"o\n")
    assert [one.text for one in tail.read()] == ["two"]
    file.unlink()
    assert tail.read() == []
    file.write_bytes(b"n\n")
    assert [one.text for one in tail.read()] == ["n"]
    assert tail.last is not None
    assert tail.last.text == "n"
