"""The commands against a real Kafka and Redis with workers at work: what is pushed can be shown, followed, redriven."""

from __future__ import annotations

import asyncio
import json
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from tests.e2e.examples import EXECUTION_REJECTED, OPERATION_FAILED, OPERATION_PRICING, OPERATION_SETTLED
from tests.real.deployment import Deployment
from tests.services.cli.command import COMMAND, ROOT, Ended, environment, run
from tests.stack import Servers

pytestmark = pytest.mark.real

ID = "663a258c-5e7c-456f-9759-73e02db8b5d9"


@pytest.fixture(scope="module")
def deployment(shared_servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Both services at work, the examples of operations pushed by the command and folded."""
    folder = tmp_path_factory.mktemp("cli")
    made = Deployment(shared_servers, f"cli-{uuid.uuid4().hex[:8]}", folder)
    created = run(made.environment(), "topics", "create", "--json").json["created"]
    assert made.topic("operations.in") in created
    assert len(created) == 11
    made.start("executions")
    made.start("operations")
    file = folder / "operations.json"
    file.write_bytes(b"[" + b",\n".join([OPERATION_PRICING, OPERATION_SETTLED]) + b"]\n" + OPERATION_FAILED)
    pushed = run(made.environment(), "push", "operations.in", str(file))
    assert (pushed.status, pushed.err) == (0, "")
    assert b"3 records pushed" in pushed.out
    piped = run(made.environment(), "push", "executions.in", "/dev/stdin", given=EXECUTION_REJECTED)
    assert (piped.status, piped.err) == (0, "")  # a pipe is as good as a file
    asyncio.run(made.settle())
    yield made
    assert made.stop() == [0, 0], made.last_words()


def _run(deployment: Deployment, *words: str, given: bytes = b"") -> Ended:
    return run(deployment.environment(), *words, given=given)


async def test_what_is_pushed_lies_byte_for_byte_on_the_partition_of_its_key(deployment: Deployment) -> None:
    stored = await deployment.read("operations.in")
    pushed = [one for run_of in stored.values() for one in run_of if one.value == OPERATION_PRICING]
    assert [one.key for one in pushed] == [ID.encode()]
    log = await deployment.logged("operations", ID)
    assert {record["verdict"] for record in log} == {"applied"}


async def test_show_json_is_the_state_document_byte_for_byte(deployment: Deployment) -> None:
    state = [one for run_of in (await deployment.read("operations.state")).values() for one in run_of]
    last = [one.value for one in state if one.key == ID.encode()][-1]
    shown = _run(deployment, "show", "operation", ID.upper(), "--json")
    assert (shown.status, shown.err) == (0, "")
    assert shown.out == (last or b"") + b"\n"
    assert b"settled" in _run(deployment, "show", "operation", ID).out


def test_history_tells_each_record_and_what_it_changed(deployment: Deployment) -> None:
    first, second = _run(deployment, "history", "operation", ID, "--json").json
    assert (first["sequence"], first["verdict"], first["data"]["status"]) == (1, "applied", "pricing")
    assert second["changed"]["status"] == ["pricing", "settled"]
    text = _run(deployment, "history", "operation", ID).out.decode()
    assert "status: pricing → settled" in text


async def test_key_prints_the_key_under_which_the_projection_lies(deployment: Deployment) -> None:
    key = _run(deployment, "key", "operation", ID).out.decode().strip()
    assert key.startswith(f"{deployment.namespace}:{{operations.")
    async with Redis.from_url(deployment.servers.redis) as redis:
        assert await redis.hget(key, "status") == b"settled"


def test_an_unknown_entity_ends_with_status_1_and_a_malformed_id_with_2(deployment: Deployment) -> None:
    missing = _run(deployment, "show", "operation", str(uuid.UUID(int=1)))
    assert (missing.status, missing.out) == (1, b"")
    assert "no operation" in missing.line
    assert _run(deployment, "history", "execution", str(uuid.UUID(int=1)), "--json").status == 1
    malformed = _run(deployment, "show", "operation", "1")
    assert malformed.status == 2
    assert "UUID" in malformed.line


def test_status_tells_of_every_partition(deployment: Deployment) -> None:
    services = _run(deployment, "status", "--json").json["services"]
    assert set(services) == {"operations", "executions"}
    rows = services["operations"]["partitions"]
    assert [row["partition"] for row in rows] == [0, 1, 2]
    assert all(row["ready"] and row["lag"] == 0 and row["owner"] for row in rows)
    assert sum(row["counters"].get("entities", 0) for row in rows) >= 2
    assert "yes" in _run(deployment, "status").out.decode()


def test_what_has_no_key_is_told_with_its_line_and_the_rest_is_pushed(
    deployment: Deployment, tmp_path: Path
) -> None:
    file = tmp_path / "mixed.jsonl"
    good = json.dumps({**json.loads(OPERATION_PRICING), "id": str(uuid.uuid4())}).encode()
    file.write_bytes(b'{"a":1}\n' + good + b"\nbroken\n")
    done = _run(deployment, "push", "operations.in", str(file))
    assert done.status == 2
    assert b"1 record pushed" in done.out
    assert f"{file}:1: id is missing" in done.err
    assert f"{file}:3: not JSON" in done.err
    told = _run(deployment, "push", "--json", "operations.in", str(file))
    assert told.status == 2
    assert told.json == {"topic": deployment.topic("operations.in"), "pushed": 1, "not_pushed": 2}
    for words, named in (
        (("push", "operations.log", str(file)), "operations.log"),
        (("push", "operations.in", str(tmp_path / "none")), "none"),
    ):
        refused = _run(deployment, *words)
        assert refused.status == 2
        assert named in refused.line


async def test_dead_letters_are_listed_shown_and_sent_again_as_they_came(deployment: Deployment) -> None:
    lines = [b"\xff\x00 not text", b'{"id": "nope"}', b'{"id": "%s"}' % ID.encode()]
    pushed = _run(deployment, "push", "--raw", "operations.in", "-", given=b"\n".join(lines))
    assert pushed.status == 0, pushed.err
    await deployment.settle()
    listed = _run(deployment, "dead", "list", "operations", "--json").json
    by_error = {one["error"]: one for one in listed}
    assert set(by_error) == {"not_json", "malformed_uuid", "missing_field"}
    assert [one["at"] for one in listed] == sorted((one["at"] for one in listed), reverse=True)
    assert by_error["missing_field"]["pointer"] == "/strategy_id"
    assert "missing_field" in _run(deployment, "dead", "list").out.decode()

    binary = by_error["not_json"]
    for place in (
        binary["source"],
        binary["place"],
        binary["source"].removeprefix(f"{deployment.namespace}."),
    ):
        shown = _run(deployment, "dead", "show", place, "--json").json
        assert shown["body_base64"] == "/wAgbm90IHRleHQ="
    assert "ff 00 20" in _run(deployment, "dead", "show", binary["source"]).out.decode()
    assert _run(deployment, "dead", "show", f"{deployment.topic('operations.in')}/0/99999").status == 1
    assert _run(deployment, "dead", "show", "nonsense").status == 2

    asked = _run(deployment, "dead", "redrive", "operations")
    assert asked.status == 2
    assert "--yes" in asked.line
    sent = _run(deployment, "dead", "redrive", "--error", "malformed_uuid", "--yes", "--json").json
    assert sent == {"redriven": 1, "services": {"operations": 1}}
    await deployment.settle()
    again = [run_of for runs in (await deployment.read("operations.in")).values() for run_of in runs]
    copies = [one for one in again if one.value == lines[1]]
    assert len(copies) == 2
    assert copies[0].key == copies[1].key == b"nope"
    assert copies[1].headers == ()
    after = _run(deployment, "dead", "list", "--error", "malformed_uuid", "--json").json
    assert len(after) == 2
    assert after[0]["source"] != after[1]["source"]


async def test_a_letter_that_was_sent_again_is_not_sent_twice_the_next_time(deployment: Deployment) -> None:
    """However often a bad input is redriven, one copy is added each time; a place means one letter."""
    line = b'{"id": "again and again"}'
    assert _run(deployment, "push", "--raw", "operations.in", "-", given=line).status == 0
    await deployment.settle()

    def letters() -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = _run(deployment, "dead", "list", "operations", "--json").json
        return [one for one in listed if "again" in one["detail"] or one["size"] == len(line)]

    (first,) = letters()
    for turn in range(1, 5):
        all_of_it = ["operations", "--error", first["error"]]
        words = (all_of_it, all_of_it, [first["source"]], [letters()[0]["place"]])[turn - 1]
        told = _run(deployment, "dead", "redrive", *words, "--yes")
        assert told.status == 0, told.err
        await deployment.settle()
        assert len(letters()) == 1 + turn
    both = _run(deployment, "dead", "redrive", first["source"], "--source", "operations.in", "--yes")
    assert both.status == 2
    assert "--source" in both.line
    nobody = f"{deployment.topic('operations.in')}/0/99999"
    not_there = _run(deployment, "dead", "redrive", nobody, "--yes")
    assert (not_there.status, not_there.out) == (1, b"")
    assert "nothing sent" in not_there.line


def test_a_worker_that_is_gone_makes_what_is_shown_be_called_old(deployment: Deployment) -> None:
    # the namespace is another, so nobody ever took its partitions
    settings = {**deployment.environment(), "STRATAFOLD_NAMESPACE": f"{deployment.namespace}x"}
    missing = run(settings, "show", "operation", ID)
    assert missing.status == 1
    assert "not ready" in missing.line


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
@pytest.mark.parametrize(
    "words",
    [
        ("verify", "operations"),
        ("verify", "operations", "--json"),
        ("show", "operation", ID),
        ("history", "operation", ID, "--json"),
        ("status",),
        ("dead", "list", "--json"),
    ],
    ids=" ".join,
)
def test_an_answer_that_cannot_be_written_is_none(deployment: Deployment, words: tuple[str, ...]) -> None:
    """Status 2, though all agrees or is there; 1 would say that something differs or is missing."""
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            [*COMMAND, *words],
            cwd=ROOT,
            env=environment(deployment.environment()),
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert ended.returncode == 2, ended.stderr
    assert ended.stderr.startswith("stratafold: the output can't be written: ")
    assert ended.stderr.count("\n") == 1
