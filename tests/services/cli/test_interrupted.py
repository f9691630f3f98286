"""A broker that fails `push` or `dead redrive` amid it: what Kafka has counts as sent, the rest is told in one line."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from libs.ledger.letters import Letter, Newest
from libs.runtime import letters
from services.cli import clients, dead, topics
from services.cli.failures import WRONG, Failure
from services.cli.push import push
from tests.libs.runtime.scripted_producer import NOWHERE, ScriptedProducer

Scripted = Callable[..., ScriptedProducer]
FIRST, SECOND = "663a258c-5e7c-456f-9759-73e02db8b5d9", "0e5e3db6-9832-56e8-8b41-c9fb6498dcef"


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    """Make the producer that the commands send with."""
    for name in ("STRATAFOLD_KAFKA", "STRATAFOLD_NAMESPACE", "STRATAFOLD_PARTITIONS"):
        monkeypatch.delenv(name, raising=False)

    async def there(*_: Any) -> list[str]:
        return []

    monkeypatch.setattr(topics, "ensure", there)

    def make(*outcomes: int | Exception, **more: int) -> ScriptedProducer:
        producer = ScriptedProducer(*outcomes, **more)

        @asynccontextmanager
        async def opened(_: Any) -> AsyncIterator[Any]:
            yield producer

        monkeypatch.setattr(clients, "open_producer", opened)
        monkeypatch.setattr(clients, "open_consumer", opened)
        return producer

    return make


def _letter(offset: int, entity_id: str) -> Letter:
    said = ("unknown", "x", "", f"operations.in/0/{offset}", "operations", f"2026-01-01T00:00:0{offset}.000Z")
    return Letter("operations.dead", 0, offset, None, f'{{"id": "{entity_id}"}}'.encode(), [], *said)


@pytest.fixture
def two_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two operations, at home in two partitions, sent one at a time."""
    both = [_letter(1, FIRST), _letter(2, SECOND)]
    newest = Newest()
    for one in both:
        newest.add(one)

    async def choose(*_: Any) -> tuple[dict[Any, Any], Newest, Counter[str]]:
        return {}, newest, Counter(operations=len(both))

    async def read(*_: Any) -> AsyncIterator[Letter]:
        for one in both:
            yield one

    monkeypatch.setattr(dead, "_choose", choose)
    monkeypatch.setattr(dead, "_CHUNK", 1)
    monkeypatch.setattr(letters, "read", read)


def _file(folder: Path, *values: str) -> Path:
    file = folder / "operations.json"
    file.write_text("\n".join(values))
    return file


def _said(failure: pytest.ExceptionInfo[Failure]) -> str:
    assert failure.value.status == WRONG
    assert "\n" not in str(failure.value)
    return str(failure.value)


def test_what_the_broker_had_already_is_pushed(
    scripted: Scripted, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It had the batch that was tried again, and does not say where: nobody asked."""
    scripted(NOWHERE)
    push("operations.in", [_file(tmp_path, f'{{"id": "{FIRST}"}}', f'{{"id": "{SECOND}"}}')])
    assert capsys.readouterr().out == "2 records pushed to operations.in\n"


@pytest.mark.usefixtures("two_letters")
def test_what_the_broker_had_already_is_sent_again(
    scripted: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    scripted(NOWHERE)
    dead.redrive("operations", yes=True)
    assert capsys.readouterr().out == "2 dead letters (2 of operations) sent again\n"


@pytest.mark.parametrize("why", [KafkaError("it broke"), TimeoutError()])
def test_a_push_that_is_broken_off_says_how_many_were_pushed_before(
    scripted: Scripted, tmp_path: Path, why: Exception
) -> None:
    """Each partition's records count as soon as Kafka has them."""
    scripted(5, why)
    with pytest.raises(Failure, match="1 were pushed before that, and others may have been") as failure:
        push("operations.in", [_file(tmp_path, f'{{"id": "{FIRST}"}}', f'{{"id": "{SECOND}"}}')])
    assert _said(failure).startswith("Kafka at ")


@pytest.mark.usefixtures("two_letters")
@pytest.mark.parametrize("why", [KafkaError("it broke"), TimeoutError()])
def test_a_redrive_that_is_broken_off_says_how_many_were_sent_before(
    scripted: Scripted, why: Exception
) -> None:
    scripted(5, why)
    with pytest.raises(
        Failure, match="1 of 2 were sent again before that, and others may have been"
    ) as failure:
        dead.redrive("operations", yes=True)
    assert _said(failure).startswith("Kafka at ")


def test_what_a_topic_refuses_as_too_large_is_told_by_its_file_and_line(
    scripted: Scripted, tmp_path: Path
) -> None:
    """Of those sent together the largest: a topic that somebody else made may take less than ours."""
    scripted(MessageSizeTooLargeError())
    file = _file(tmp_path, f'{{"id": "{FIRST}"}}', f'{{"id": "{FIRST}", "x": "{"0" * 1_000}"}}')
    with pytest.raises(Failure) as failure:
        push("operations.in", [file])
    assert f"{file}:2: 10" in _said(failure)
