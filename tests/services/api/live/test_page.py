"""The page in a real browser, on the demo: it shows what runs, follows it, outlives the API, and runs nobody's text."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from libs.local.ports import free_port
from tests.contracts.golden import message
from tests.services.api.live.chromium import NAMES, Tab, chromium, found
from tests.services.cli.command import run
from tests.services.cli.up import Up
from tests.stack import Servers

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        found() is None, reason=f"no Chromium: {', '.join(NAMES)} on PATH, or STRATAFOLD_CHROMIUM"
    ),
]

EXECUTION: dict[str, Any] = json.loads(message("executions", "settled"))
HOSTILE = "\"'><img src=x onerror=hacked=1 data-hostile><script>hacked=1</script>&lt;${hacked=1}"
PART = "<img src=x onerror=hacked=1 data-hostile>"  # of it that JSON spells as it is
UNTOUCHED = "typeof hacked === 'undefined' && !document.querySelector('[data-hostile], script:not([src])')"


class Demo:
    """A running demo; its page is at ``url``."""

    def __init__(self, settings: dict[str, str], up: Up) -> None:
        self.settings, self.up = settings, up
        self.url = f"http://127.0.0.1:{settings['STRATAFOLD_API_PORT']}/"

    def push(self, service: str, *documents: Any, key: str | None = None) -> None:
        """Send inputs."""
        words = ("--key", key) if key else ()
        lines = "\n".join(map(json.dumps, documents)).encode()
        done = run(self.settings, "push", service, "-", *words, given=lines)
        assert done.status == 0, done.err

    def token(self, *scopes: str) -> str:
        """A new bearer token."""
        words = [word for scope in scopes for word in ("--scope", scope)]
        made = run(self.settings, "token", "create", "--organization", "ops", *words, "--json")
        return str(made.json["token"])


@pytest.fixture(scope="module")
def demo(shared_servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("demo")
    gateway = free_port()
    settings = {
        "STRATAFOLD_KAFKA": shared_servers.kafka,
        "STRATAFOLD_REDIS": shared_servers.redis,
        "STRATAFOLD_NAMESPACE": f"page-{uuid.uuid4().hex[:8]}",
        "STRATAFOLD_PARTITIONS": "2",
        "STRATAFOLD_DATA": str(folder / "data"),
        "STRATAFOLD_GATEWAY_PORT": str(gateway),
        "STRATAFOLD_API_PORT": str(free_port(gateway)),
    }
    up = Up(settings, folder / "up.out", "--demo")
    yield Demo(settings, up)
    up.end()


@pytest.fixture(scope="module")
def tabs() -> Iterator[Callable[[], Tab]]:
    program = found()
    assert program is not None
    with chromium(program) as opened:
        yield opened


@pytest.fixture
def tab(tabs: Callable[[], Tab], demo: Demo) -> Iterator[Tab]:
    """The page, showing the demo."""
    one = tabs()
    one.size(1300, 900)
    deadline = time.monotonic() + 120
    while True:
        one.open(demo.url)
        if one.ask("document.title") == "stratafold":
            break
        assert time.monotonic() < deadline, demo.up.said
        time.sleep(1)
    one.until("document.querySelectorAll('#service-cards .card.ready').length === 5", 120)
    one.until("document.querySelectorAll('#feed-list time').length > 5", 60)
    one.complaints.clear()  # of the attempts before the API was there
    one.requests.clear()
    yield one
    one.call("Page.close")


def _line(part: str, text: str) -> str:
    """The line of a list that has a text, as JavaScript."""
    lines = f"[...document.querySelectorAll('#{part} > li')]"
    return f"{lines}.find(one => one.textContent.includes({json.dumps(text)}))"


def _holds(part: str, text: str) -> str:
    return f"document.getElementById('{part}').textContent.includes({json.dumps(text)})"


def _state(field: str) -> str:
    """A field's value in the state that is shown, as JavaScript."""
    rows = "[...document.querySelectorAll('#state tr')]"
    return f"{rows}.find(one => one.cells[0].textContent === '{field}').cells[1].textContent"


def _look_up(tab: Tab, service: str, entity_id: str) -> None:
    tab.ask(f"document.getElementById('lookup-service').value = '{service}'")
    tab.ask(f"document.getElementById('lookup-id').value = {json.dumps(entity_id)}")
    tab.ask("document.getElementById('lookup').requestSubmit()")


def test_it_shows_the_demo(tab: Tab) -> None:
    tab.until("Number(document.querySelector('[data-service=operations] .charts b').textContent) > 0")
    for service in ("operations", "executions", "agents", "strategies", "versions"):
        card = tab.text(f"[data-service={service}]")
        assert "ready: 1 worker" in card
        assert tab.ask(f"document.querySelectorAll('[data-service={service}] .square.ready').length") == 2
    assert "applied" in tab.text("[data-service=operations] .verdicts")
    tab.until("document.querySelector('[data-service=operations] .chart polyline').points.numberOfItems > 3")
    tab.until("document.querySelector('#agent-cards .chart.equity polyline')?.points.numberOfItems > 3", 60)
    assert "equity" in tab.text("#agent-cards")
    assert tab.text("#connection") == "live"
    assert tab.complaints == []


def test_it_follows_what_happens(tab: Tab) -> None:
    newest = "document.querySelector('#feed-list li').dataset.id"
    first, folded = tab.ask(newest), tab.text("[data-service=operations] .verdicts li b")
    tab.until(f"{newest} !== {json.dumps(first)}")
    tab.until(
        f"document.querySelector('[data-service=operations] .verdicts li b').textContent !== '{folded}'"
    )
    ids = tab.ask("[...document.querySelectorAll('#feed-list li')].map(one => one.dataset.id)")
    assert len(ids) == len(set(ids))


def test_all_of_it_comes_from_the_api_alone(tab: Tab, demo: Demo) -> None:
    tab.open(demo.url)
    tab.until("document.querySelectorAll('#feed-list time').length > 5")
    assert tab.requests
    assert [one for one in tab.requests if not one.startswith(demo.url)] == []


def test_a_conflict_stands_out_and_leads_to_a_timeline_with_every_step(tab: Tab, demo: Demo) -> None:
    operation = _operation()
    demo.push(
        "operations",
        operation,
        {**operation, "status": "pricing", "updated_at": "2026-01-01T00:00:01Z"},
        {**operation, "status": "settled", "updated_at": "2026-01-01T00:00:02Z"},
        {**operation, "status": "failed", "updated_at": "2026-01-01T00:00:03Z"},
    )
    line = _line("marked-list", operation["id"])
    assert "conflict" in tab.until(f"{line}?.innerText")
    tab.ask(f"{line}.querySelector('a').click()")
    tab.until("document.querySelectorAll('#steps li').length === 4")
    verdicts = "[...document.querySelectorAll('#steps .pill')].map(one => one.textContent)"
    assert tab.ask(verdicts) == ["applied", "applied", "applied", "conflict"]
    assert "contradicts what stands" in tab.text("#steps li:nth-child(4)")
    assert "stands: settled, claimed: failed" in tab.text("#steps li:nth-child(4) .claims")
    assert "validating → pricing" in tab.text("#steps li:nth-child(2)")

    # the slider has the focus: the keyboard goes back through the states
    for key, step, status in (
        (None, 4, "settled"),
        ("ArrowLeft", 3, "settled"),
        ("ArrowLeft", 2, "pricing"),
        ("Home", 1, "validating"),
        ("ArrowRight", 2, "pricing"),
    ):
        if key:
            tab.key(key)
        tab.until(f"document.getElementById('step-said').textContent === 'step {step} of 4'")
        tab.until(f"{_state('status')}.endsWith('{status}')")
    assert tab.ask("document.querySelector('#steps [aria-current]').dataset.step") == "2"

    # what comes of it meanwhile takes the reader nowhere; who is at the end goes along
    demo.push("operations", {**operation, "status": "skipped", "updated_at": "2026-01-01T00:00:04Z"})
    tab.until("document.getElementById('step-said').textContent === 'step 2 of 5'")
    tab.key("End")
    tab.until("document.getElementById('state-title').textContent.endsWith('fact 5')")
    demo.push("operations", {**operation, "status": "failed", "updated_at": "2026-01-01T00:00:05Z"})
    tab.until("document.getElementById('state-title').textContent.endsWith('fact 6')")
    assert tab.complaints == []


def test_what_contradicts_is_named_where_the_status_is_the_same(tab: Tab, demo: Demo) -> None:
    """In the line of the feed, and in the timeline down to the instruction's field, with both values."""
    settled = {**EXECUTION, "id": str(uuid.uuid4())}
    first, *others = settled["instructions"]
    claimed = {**settled, "instructions": [{**first, "price": "99.125"}, *others]}
    demo.push("executions", settled, claimed)
    line = _line("marked-list", settled["id"])
    assert "they differ in instructions/0/price" in tab.until(f"{line}?.innerText")
    tab.ask(f"{line}.querySelector('a').click()")
    tab.until("document.querySelectorAll('#steps li').length === 2")
    told = tab.text("#steps li:nth-child(2) .claims")
    assert told.split("\n") == ["instructions[0].price", f"stands: {first['price']}, claimed: 99.125"]
    assert not tab.ask("document.querySelector('#steps li:nth-child(2) details').open")


def test_only_snapshots_are_points_of_an_agents_curve(tab: Tab, demo: Demo) -> None:
    """What an agent tells between them is drawn nowhere, and a page opened later shows the same."""
    agent = f"agent-{uuid.uuid4().hex[:6]}"
    card = (
        f"[...document.querySelectorAll('#agent-cards article')].find(one => one.dataset.agent === '{agent}')"
    )
    used = {"phase": "LIVE", "drawdown": "0.0048", "daily_drawdown_used": "0.9"}
    snapshot = {"event": "snapshot", "ts": "2026-01-01T00:00:00Z", "equity": "100", **used}
    entry = {"event": "journal_entry", "type": "EXECUTED", "tags": [], "description": "x"}
    demo.push("agents", snapshot, key=agent)
    tab.until(f"{card}?.innerText.includes('a curve needs two snapshots')")
    for number in range(3):
        told = {**entry, "id": f"j{number}", "ts": f"2026-01-01T00:01:0{number}Z"}
        demo.push("agents", told, key=agent)
        time.sleep(1.2)  # a look of the API
    for _ in range(2):
        text = tab.until(f"{card}?.innerText.includes('0.48 %') && {card}.innerText")
        assert "a curve needs two snapshots" in text
        assert "90 %" in text
        tab.open(demo.url)
    demo.push("agents", {**snapshot, "ts": "2026-01-01T00:02:00Z", "equity": "110"}, key=agent)
    tab.until(f"{card}?.innerText.includes('2 snapshots, from 100 to 110')")
    assert "10.00 % since" in tab.ask(f"{card}.innerText")


def test_a_gap_stands_out_and_says_what_is_missing(tab: Tab, demo: Demo) -> None:
    frame = {"channel": "strategy.status", "event": "deployed", "strategy_id": "s", "data": {}}
    account = f"acct-{uuid.uuid4().hex[:6]}"
    stamps = ("2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z")
    numbered = [{**frame, "seq": seq, "ts": ts} for seq, ts in zip((1, 5), stamps, strict=True)]
    demo.push("strategies", *numbered, key=account)
    line = tab.until(f"{_line('marked-list', account)}?.innerText")
    assert "gap" in line
    assert "missing 2 to 4" in line


def test_what_is_not_there_is_said_in_words(tab: Tab) -> None:
    _look_up(tab, "operations", str(uuid.uuid4()))
    tab.until("document.getElementById('timeline-note').textContent.includes('there is no such operation')")


def test_no_text_of_anybody_becomes_more_than_text(tab: Tab, demo: Demo) -> None:
    turning, time_stamp = HOSTILE + "\u202e", "2026-01-01T00:00:00Z"
    used = {"drawdown": "0", "daily_drawdown_used": "0"}
    veto = {"rule": HOSTILE, "explanation": turning, "order_ref": HOSTILE}
    demo.push(
        "agents",
        {"event": "snapshot", "ts": time_stamp, "equity": "5", "phase": HOSTILE, **used},
        {"event": "risk_veto", "ts": time_stamp, **veto},
        {"event": HOSTILE, "ts": HOSTILE, HOSTILE: HOSTILE},
        key=HOSTILE,
    )
    error = {"code": HOSTILE, "message": turning, "fatal": True}
    frame = {"channel": "strategy.status", "event": "error", "strategy_id": HOSTILE, "seq": 1}
    demo.push("strategies", {**frame, "ts": time_stamp, "data": error}, key=HOSTILE)
    operation = {**_operation(), "type": HOSTILE, "status_reason": HOSTILE, HOSTILE: {HOSTILE: [HOSTILE]}}
    demo.push("operations", operation, {**operation, "allocations": HOSTILE})

    tab.until(_holds("agent-cards", HOSTILE))
    for service in ("agents", "strategies"):
        tab.ask(f"document.getElementById('feed-service').value = '{service}'")
        tab.ask("document.getElementById('feed-service').dispatchEvent(new Event('change'))")
        tab.until(_holds("marked-list", HOSTILE))
    assert "\u202e" not in tab.ask("document.getElementById('feed').textContent")
    tab.until(_holds("letters", PART))
    for service, entity_id in (("agents", HOSTILE), ("operations", operation["id"])):
        _look_up(tab, service, entity_id)
        tab.until(_holds("timeline-note", f"{entity_id}: "))
        tab.until(_holds("state", PART))
        assert tab.ask(_holds("steps", PART))
    tab.ask("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert tab.ask(UNTOUCHED)
    assert tab.complaints == []


def test_a_dead_letter_is_sent_again_with_a_token_typed_into_the_page(tab: Tab, demo: Demo) -> None:
    operation = {**_operation(), "status": 7}
    demo.push("operations", operation)
    line = _line("letters", operation["id"])
    tab.until(f"Boolean({line})")
    tab.ask("sessionStorage.clear()")
    tab.ask(f"{line}.querySelector('button').click()")
    tab.until("document.getElementById('token-dialog').open")
    assert "dead:redrive" in tab.text("#token-why")
    tab.ask("document.getElementById('token-input').focus()")
    tab.type(demo.token("dead:redrive", "live:read"))
    tab.key("Enter")

    letters = "dead", "list", "operations", "--error", "wrong_type", "--json"
    end = time.monotonic() + 30
    while len(_of(operation, demo, letters)) < 2:  # refused again, of course
        assert time.monotonic() < end, tab.text("#dead")
        time.sleep(0.5)
    # of both, which are equal, the newest is shown
    lines = "[...document.querySelectorAll('#letters > li')]"
    tab.until(f"{lines}.filter(one => one.textContent.includes('{operation['id']}')).length === 1")


def test_it_outlives_the_api(tab: Tab, demo: Demo) -> None:
    seen = "Number(document.querySelector('[data-service=operations] .verdicts li b').textContent.replace(/,/g, ''))"
    tab.ask("window.sameDocument = true")
    tab.ask("document.getElementById('lookup-id').value = 'kept'")
    before = tab.ask(seen)
    one = demo.up.child("services.api")
    assert one is not None
    one.kill()
    tab.until("document.getElementById('connection').textContent.includes('trying again')")
    assert tab.ask("document.body.classList.contains('stale')")
    tab.until("document.getElementById('connection').textContent === 'live'", 60)
    tab.until(f"{seen} > {before}", 60)
    tab.until("document.querySelectorAll('#feed-list time').length > 5")
    assert tab.ask("window.sameDocument && document.getElementById('lookup-id').value") == "kept"
    ids = tab.ask("[...document.querySelectorAll('#feed-list li')].map(one => one.dataset.id)")
    assert len(ids) == len(set(ids))


def test_out_of_sight_it_rests_and_holds_no_connection(tab: Tab) -> None:
    def look(state: str) -> None:
        tab.ask(
            f"Object.defineProperty(document, 'visibilityState', {{value: '{state}', configurable: true}})"
        )
        tab.ask("document.dispatchEvent(new Event('visibilitychange'))")

    look("hidden")
    tab.until("document.getElementById('connection').textContent.startsWith('resting')")
    look("visible")
    tab.until("document.getElementById('connection').textContent === 'live'")


def test_every_part_is_reached_by_a_key(tab: Tab) -> None:
    for key, part in (("2", "feed"), ("5", "dead"), ("3", "timeline"), ("4", "agents"), ("1", "services")):
        tab.key(key, f"Digit{key}")
        assert tab.ask("document.activeElement.id") == part
    tab.key("p")
    tab.until("document.getElementById('feed-note').textContent.startsWith('paused')")
    tab.key("p")
    tab.until("document.getElementById('feed-note').textContent === ''")
    tab.key("/", "Slash")
    assert tab.ask("document.activeElement.id") == "lookup-id"
    tab.key("p")  # is a letter there, not a command
    assert tab.ask("document.getElementById('lookup-id').value") == "p"


@pytest.mark.parametrize("width", [320, 390, 768, 1300])
def test_nothing_runs_out_of_a_narrow_screen(tab: Tab, width: int) -> None:
    tab.size(width, 800, phone=width < 700)
    tab.ask("document.querySelector('#feed-list a').click()")
    tab.until("document.querySelectorAll('#state tr').length > 3")
    assert tab.ask("document.documentElement.scrollWidth") <= width


def test_on_a_phone_the_page_alone_scrolls_and_the_slider_stays_beside_the_state(tab: Tab) -> None:
    """Two rows of header, one fact at a time, and no list within the timeline that has a scroll bar of its own."""
    tab.size(390, 844, phone=True)
    assert tab.ask("document.querySelector('header').offsetHeight") < 110
    tab.ask("document.querySelector('#feed-list a').click()")
    tab.until("document.querySelectorAll('#state tr').length > 3")
    tab.until("document.querySelectorAll('#steps li.current').length === 1")
    shown = "[...document.querySelectorAll('#steps li')].filter(one => one.offsetHeight).map(one => one.className)"
    assert tab.ask(shown) == ["current"]
    scrolling = (
        "one.scrollHeight > one.clientHeight + 2 && /auto|scroll/.test(getComputedStyle(one).overflowY)"
    )
    assert tab.ask(f"[...document.querySelectorAll('#timeline *')].filter(one => {scrolling}).length") == 0
    tab.ask(
        "scrollTo({top: scrollY + document.getElementById('state').getBoundingClientRect().top, behavior: 'instant'})"
    )
    slider = tab.ask("document.getElementById('step').getBoundingClientRect().toJSON()")
    assert 0 <= slider["top"] < slider["bottom"] < 80


def test_what_runs_beside_the_services_is_told_as_far_as_it_shows(tab: Tab) -> None:
    """Metrics by its figures and the gateway by webhooks; of a connector nobody can tell."""
    rows = "[...document.querySelectorAll('#beside li')]"
    said = f"Object.fromEntries({rows}.map(one => [one.dataset.name, one.children[1].textContent]))"
    for name in ("Kafka", "Redis", "metrics", "gateway"):
        tab.until(f"{said}['{name}'] === 'at work'", 60)
    told = tab.ask(said)
    assert told["agent connector"] == told["strategy connector"] == "can't tell"
    assert tab.ask("document.querySelectorAll('#beside .pill.good').length") == 4


def test_light_and_dark_follow_the_system_and_the_button(tab: Tab, tmp_path: Path) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    tab.ask("localStorage.clear()")
    tab.ask("window.before = true; location.reload()")
    tab.until("!window.before && document.querySelectorAll('#feed-list time').length > 5")
    grounds = {}
    for scheme in ("light", "dark"):
        tab.scheme(scheme)
        grounds[scheme] = tab.ask(ground)
        tab.ask("scrollTo(0, 0)")
        tab.picture(tmp_path / f"{scheme}.png")
        assert (tmp_path / f"{scheme}.png").stat().st_size > 20_000
    assert grounds["light"] != grounds["dark"]
    tab.click("#theme-button")
    assert (tab.text("#theme-button"), tab.ask(ground)) == ("Theme: light", grounds["light"])
    tab.click("#theme-button")
    assert (tab.text("#theme-button"), tab.ask(ground)) == ("Theme: dark", grounds["dark"])
    tab.ask("localStorage.clear()")


def _operation() -> dict[str, Any]:
    return {
        "id": str(uuid.uuid4()),
        "strategy_id": str(uuid.uuid4()),
        "request_id": str(uuid.uuid4()),
        "type": "enrollment",
        "status": "validating",
        "status_reason": "",
        "allocations": [{"underlying_currency": "BTC", "weight": "1"}],
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
    }


def _of(operation: dict[str, Any], demo: Demo, words: tuple[str, ...]) -> list[Any]:
    """The operation's letters: those whose body has its id."""
    listed = run(demo.settings, *words).json
    return [
        one
        for one in listed
        if operation["id"] in json.dumps(run(demo.settings, "dead", "show", one["place"], "--json").json)
    ]
