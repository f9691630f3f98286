"""Texts and figures made fit for a table. Pure."""

from __future__ import annotations

from datetime import UTC, datetime


def shortened(text: str, most: int) -> str:
    """At most ``most`` characters of the text, an ellipsis among them."""
    return text if len(text) <= most else text[: most - 1] + "…"


def apart(one: str, other: str, most: int) -> tuple[str, str]:
    """Two texts, each cut to at most ``most`` characters around the place where they begin to differ."""
    both = zip(one, other, strict=False)
    same = next((at for at, (a, b) in enumerate(both) if a != b), min(len(one), len(other)))
    first = max(0, same - most // 3)
    if max(len(one), len(other)) <= most:
        first = 0
    return _from(one, first, most), _from(other, first, most)


def _from(text: str, first: int, most: int) -> str:
    return shortened(text if first == 0 else f"…{text[first + 1 :]}", most)


def count(number: int) -> str:
    """A count with its thousands apart; from a million on in millions."""
    return f"{number:,}" if number < 1_000_000 else f"{number / 1_000_000:,.2f} M"


def rate(per_second: float) -> str:
    """A rate: with a decimal while it is small."""
    return f"{per_second:,.1f}" if 0 < per_second < 10 else f"{per_second:,.0f}"


def latency(ms: float) -> str:
    """Milliseconds, or seconds where they are many; a dash for none."""
    if ms <= 0:
        return "–"
    return f"{ms:,.0f} ms" if ms < 10_000 else f"{ms / 1000:,.0f} s"


def duration(seconds: float) -> str:
    """Hours, minutes and seconds."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:d}:{minutes:02d}:{rest:02d}"


def clock(ms: int) -> str:
    """The UTC time of day of an instant in ms since 1970."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%H:%M:%S")
