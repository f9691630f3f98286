"""What the page's feed shows, a line each: derived events, and the conflicts and refusals that lead to none. Pure."""

from __future__ import annotations

from typing import Any, Final

import orjson

from libs.contracts.names import is_companion
from libs.ledger.letters import Letter, service_of
from libs.ledger.times import milliseconds
from libs.ledger.verdict import Verdict
from libs.views.printable import printable
from libs.views.summaries import contradiction, name_of, summary

Item = dict[str, Any]
"""A line: ``id``, ``at`` (when it was recorded, ms), ``service``, ``name``, ``subject``, ``text``, ``mark``, ``entity``

``mark`` says why it stands out: refusal, conflict, gap, trouble, mended, or nothing. ``entity`` is the id by which the
subject can be looked up, null where it can't.
"""

_MARKS: Final = {
    "agent.blocked": "refusal",
    "agent.demoted": "trouble",
    "agent.drawdown_crossed": "trouble",
    "agent.quiet": "gap",
    "agent.resumed": "mended",
    "execution.disputed": "conflict",
    "operation.disputed": "conflict",
    "operation.mismatch": "conflict",
    "operation.reconciled": "mended",
    "strategy.error": "trouble",
    "strategy.gap_closed": "mended",
    "strategy.gap_opened": "gap",
    "strategy.halted": "trouble",
    "version.failed": "trouble",
    "version.refused": "refusal",
}
_CONFLICT: Final = b'"verdict":"conflict"'
_SHOWN: Final = 300  # characters of a text
_ID: Final = 200


def event_item(service: str, value: bytes | None) -> Item | None:
    """A derived event; None for what is none of ours.

    A dispute has the id of the log record that caused it, since that may be shown as a conflict, too.
    """
    try:
        envelope = orjson.loads(value or b"")
        name, subject = name_of(envelope["type"]), str(envelope["subject"])
        known = envelope["causationid"] if _MARKS.get(name) == "conflict" else envelope["id"]
        text = summary(name, envelope["data"])
        return _item(service, str(known), milliseconds(envelope["recordedtime"]), name, subject, text)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def conflict_item(service: str, value: bytes | None) -> Item | None:
    """A log record that contradicts what stands; None for all others, most of which are not even parsed."""
    if value is None or _CONFLICT not in value:
        return None
    try:
        envelope = orjson.loads(value)
        if envelope["verdict"] != Verdict.CONFLICT:
            return None
        text = contradiction(envelope["data"])
        at = milliseconds(envelope["recordedtime"])
        item = _item(service, str(envelope["id"]), at, "conflict", str(envelope["subject"]), text)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return {**item, "mark": "conflict"}


def refusal_item(letter: Letter) -> Item | None:
    """An input that was refused; None for a letter that does not say when."""
    try:
        at = milliseconds(letter.at)
    except ValueError:
        return None
    where = f" ({letter.pointer})" if letter.pointer else ""
    text = printable(f"{letter.error}: {letter.detail}{where}")
    item = _item(service_of(letter.topic), letter.source, at, "refused", letter.source, text)
    return {**item, "mark": "refusal", "entity": None}


def letter_item(letter: Letter) -> dict[str, Any]:
    """A dead letter as the page lists it."""
    names = ("place", "at", "source", "error", "pointer", "detail")
    told = {name: printable(str(getattr(letter, name)))[:_SHOWN] for name in names}
    body = (letter.value or b"")[:_SHOWN].decode(errors="replace")
    return {"service": service_of(letter.topic), **told, "size": len(letter.value or b""), "body": body}


def _item(service: str, known: str, at: int, name: str, subject: str, text: str) -> Item:
    return {
        "id": known[:_ID],
        "at": at,
        "service": service,
        "name": printable(name)[:_ID],
        "mark": _MARKS.get(name, ""),
        "subject": printable(subject)[:_ID],
        "text": text[:_SHOWN],
        "entity": None if len(subject) > _ID or is_companion(service, subject) else subject,
    }
