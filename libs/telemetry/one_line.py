"""What went wrong, for a line of a log or an answer."""

from __future__ import annotations


def one_line(why: BaseException) -> str:
    """Its text on one line, or its kind where it has none, as with a time-out."""
    return " ".join(str(why).split()) or type(why).__name__
