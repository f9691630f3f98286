"""Why a partition starts again, in words for whoever reads the log. Pure."""

from __future__ import annotations

from aiokafka.errors import KafkaError

from libs.runtime.inbox import InputUnreadable
from libs.runtime.journal import PlaceUnknown
from libs.runtime.states import Overtaken, Overwritten
from libs.views.ownership import Behind, BeingRebuilt, Damaged, NotOurs


def in_words(why: BaseException) -> str:
    """The reason; a class's name only where it says more than its text, as with errors of Kafka."""
    match why:
        case Behind():
            return "Redis knows less than it acknowledged: it was emptied, or went back to an older copy"
        case NotOurs():
            return "another process has taken the partition over"
        case BeingRebuilt():
            return f"the partition is being rebuilt{_by(why)}"
        case Damaged():
            return f"what Redis holds is damaged, and is made anew: {why}"
        case Overwritten():
            return "somebody else wrote states of ours, who was paused when the partition went over: mending them"
        case Overtaken():
            return "somebody else folded on while states were mended"
        case PlaceUnknown():
            return f"Kafka has a batch already, but doesn't say at which offset: {why}"
        case InputUnreadable():
            return f"the input can't be read on: {_named(why.__cause__ or why)}"
        case KafkaError():
            return f"Kafka failed: {_named(why)}"
        case _:
            return _named(why)


def _by(why: BeingRebuilt) -> str:
    return f" by {why}" if str(why) else ""


def _named(why: BaseException) -> str:
    text = " ".join(str(why).split())
    name = type(why).__name__
    if name in text:  # as in most errors of Kafka
        return text
    return f"{name}: {text}" if text else name
