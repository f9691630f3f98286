"""What an agent is and does (002): what a message does to it, and what follows from that. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Context, Decimal, Inexact
from typing import Any, Final

from libs.contracts.agents import CLOCK_EVENT, LIVE, MESSAGES, PAPER
from libs.ledger.aggregate import Derived
from libs.ledger.fact import Fact
from libs.ledger.reading import Document
from libs.ledger.tallies import Tally
from libs.ledger.verdict import Verdict

QUIET_AFTER: Final = 30 * 60 * 1_000  # ms without a snapshot; 002 has one every 15 to 30 minutes
THRESHOLDS: Final = ("0.5", "0.8", "1.0")  # shares of the daily drawdown budget

_EXACT: Final = Context(prec=80, traps=[Inexact])
_MODES: Final = (PAPER, LIVE)


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent; times in ms by its own clock, None where nothing was told.

    ``snapshot_at``, ``changed_at`` and ``moded_at`` say when its equity, status and mode were told last,
    ``promoted_at`` and ``demoted_at`` when the hash and the rule were: an older message of the kind is late.
    ``quiet`` while its snapshots fail to come.
    """

    id: str
    status: str | None = None
    phase: str | None = None
    equity: str | None = None
    peak_equity: str | None = None
    drawdown: str | None = None
    daily_drawdown_used: str | None = None
    mode: str = PAPER
    promotion_tx_hash: str | None = None
    demotion_rule: str | None = None
    demotion_limit: str | None = None
    locked_until: str | None = None
    trades_total: int = 0
    realised_pnl_total: str = "0"
    fees_total: str = "0"
    risk_vetoes_total: int = 0
    twak_blocks_total: int = 0
    quotes_rejected_total: int = 0
    last_event: str | None = None
    last_event_at: str | None = None
    last_at: int | None = None
    snapshot_at: int | None = None
    changed_at: int | None = None
    moded_at: int | None = None
    promoted_at: int | None = None
    demoted_at: int | None = None
    quiet: bool = False


def initial(agent_id: str) -> Agent:
    """An agent of which nothing is known."""
    return Agent(agent_id)


def fold(state: Agent, fact: Fact) -> Verdict:
    """Decide what a message that was never seen before means: what overwrites must not be older than what stands."""
    event = fact.body["event"]
    if event not in MESSAGES:
        return Verdict.IGNORED
    if event == CLOCK_EVENT:
        return Verdict.APPLIED if falls_quiet(state, fact.at) else Verdict.LATE
    stands = {
        "snapshot": state.snapshot_at,
        "status_change": state.changed_at,
        "promotion": state.moded_at,
        "demotion": state.moded_at,
    }.get(event)
    return Verdict.LATE if _older(fact.at, stands) else Verdict.APPLIED


def _older(at: int, stands: int | None) -> bool:
    return stands is not None and at < stands


def falls_quiet(state: Agent, now: int) -> bool:
    """Whether a watched agent's snapshots have failed to come by now (ms)."""
    return not state.quiet and state.snapshot_at is not None and now - state.snapshot_at > QUIET_AFTER


def evolve(state: Agent, fact: Fact, verdict: Verdict) -> Agent:
    """The agent after a message. Of a late one only what it alone tells counts: a peak, a promotion's hash, a rule."""
    body, event = fact.body, fact.body["event"]
    if verdict is Verdict.LATE:
        return replace(state, **_belated(state, body, event, fact.at))
    if verdict is not Verdict.APPLIED:
        return state
    if event == CLOCK_EVENT:
        return replace(state, quiet=True)
    return replace(state, **_changes(state, body, event, fact.at), **_latest(state, body, fact.at))


def _belated(state: Agent, body: Document, event: str, at: int) -> dict[str, Any]:
    match event:
        case "snapshot":
            return {"peak_equity": _peak(state.peak_equity, body["equity"])}
        case "promotion" if not _older(at, state.promoted_at):
            return _promotion(body, at)
        case "demotion" if not _older(at, state.demoted_at):
            return _demotion(body, at)
        case _:
            return {}


def _promotion(body: Document, at: int) -> dict[str, Any]:
    return {"promotion_tx_hash": body["tx_hash"], "promoted_at": at}


def _demotion(body: Document, at: int) -> dict[str, Any]:
    told = {"demotion_rule": body["rule"], "demotion_limit": body["limit"]}
    return {**told, "locked_until": body["locked_until"], "demoted_at": at}


def _changes(state: Agent, body: Document, event: str, at: int) -> dict[str, Any]:
    match event:
        case "snapshot":
            told = {name: body[name] for name in ("phase", "equity", "drawdown", "daily_drawdown_used")}
            peak = _peak(state.peak_equity, body["equity"])
            return {**told, "peak_equity": peak, "snapshot_at": at, "quiet": False}
        case "trade":
            return {
                "trades_total": state.trades_total + 1,
                "realised_pnl_total": _sum(state.realised_pnl_total, body["realised_pnl"]),
                "fees_total": _sum(state.fees_total, body["fees"]),
            }
        case "risk_veto":
            return {"risk_vetoes_total": state.risk_vetoes_total + 1}
        case "twak_block":
            return {"twak_blocks_total": state.twak_blocks_total + 1}
        case "quote_rejected":
            return {"quotes_rejected_total": state.quotes_rejected_total + 1}
        case "status_change":
            # the echo of a promotion or demotion names the mode as the status
            echoes = body["to"] in _MODES and not _older(at, state.moded_at)
            mode = {"mode": body["to"], "moded_at": at} if echoes else {}
            return {"status": body["to"], "changed_at": at, **mode}
        case "promotion":
            return {"mode": LIVE, "moded_at": at, **_promotion(body, at)}
        case "demotion":
            return {"mode": PAPER, "moded_at": at, **_demotion(body, at)}
        case _:  # a journal entry changes nothing but what was heard last
            return {}


def _latest(state: Agent, body: Document, at: int) -> dict[str, Any]:
    if state.last_at is not None and at < state.last_at:
        return {}
    return {"last_event": body["event"], "last_event_at": body["ts"], "last_at": at}


def _peak(peak: str | None, equity: str) -> str:
    return equity if peak is None or Decimal(equity) > Decimal(peak) else peak


def _sum(total: str, amount: str | None) -> str:
    return total if amount is None else format(_EXACT.add(Decimal(total), Decimal(amount)), "f")


def derive(before: Agent, after: Agent, fact: Fact, verdict: Verdict) -> list[Derived]:
    """What follows from a message, in order."""
    if verdict is not Verdict.APPLIED:
        return []
    body = fact.body
    silent = {"silent_ms": fact.at - (fact.at if before.snapshot_at is None else before.snapshot_at)}
    if body["event"] == CLOCK_EVENT:
        return [Derived("agent.quiet", silent)]
    told = {name: value for name, value in body.items() if name != "event"}
    match body["event"]:
        case "snapshot":
            resumed = [Derived("agent.resumed", silent)] if before.quiet else []
            crossed = _crossed(before.daily_drawdown_used, body["daily_drawdown_used"])
            return [
                *resumed,
                Derived("agent.snapshot", told),
                *(Derived("agent.drawdown_crossed", {"threshold": one, **_budget(body)}) for one in crossed),
            ]
        case "trade":
            return [Derived("agent.traded", told)]
        case "risk_veto":
            return [Derived("agent.blocked", {**told, "by": "policy"})]
        case "twak_block":
            return [Derived("agent.blocked", {**told, "by": "signer"})]
        case "quote_rejected":
            return [Derived("agent.blocked", {**told, "by": "quote"})]
        case "status_change":
            return [] if before.status == after.status else [Derived("agent.status_changed", told)]
        case "promotion":
            return [Derived("agent.promoted", told)]
        case "demotion":
            return [Derived("agent.demoted", told)]
        case _:
            return []


def _crossed(before: str | None, after: str) -> list[str]:
    """The thresholds that the share of the budget rose to or beyond; falling back, at a new day, is no event."""
    was, now = Decimal(before or 0), Decimal(after)
    return [one for one in THRESHOLDS if was < Decimal(one) <= now]


def _budget(body: Document) -> dict[str, Any]:
    return {name: body[name] for name in ("daily_drawdown_used", "drawdown", "equity", "ts")}


def tally(_before: Agent, _after: Agent, derived: Sequence[Derived]) -> Iterable[Tally]:
    """What was blocked, by the rule; of a quote by its code."""
    for name, data in derived:
        if name == "agent.blocked":
            yield Tally("block", data["code"] if data["by"] == "quote" else data["rule"])
