"""What `deploy/rights.toml` says, judged without servers: names that exist, and nobody in another's house."""

from __future__ import annotations

import pytest
from typer.main import get_command

from libs.contracts.names import SERVICES, STREAMS
from services.cli.app import build
from services.executions import AGGREGATE as EXECUTIONS
from tests.secured.rights import Rights, rights

OWN = {service: frozenset(f"{service}.{stream}" for stream in STREAMS) for service in SERVICES}
TOPICS = frozenset().union(*OWN.values()) | {"instruments.in", "credentials"}
OTHERS = ("gateway", "api", "metrics", "connect-strategies", "connect-agents")


def test_every_process_is_there() -> None:
    assert set(rights()) == {*SERVICES, *OTHERS}


@pytest.mark.parametrize("one", rights().values(), ids=lambda one: one.name)
def test_topics_and_commands_of_the_command_line_exist(one: Rights) -> None:
    assert one.reads | one.writes | one.configs <= TOPICS
    assert one.groups <= set(SERVICES)
    program, *words = one.process.split()
    assert program == "stratafold"
    assert words[0] in get_command(build()).commands  # type: ignore[attr-defined]


@pytest.mark.parametrize("service", SERVICES)
def test_a_worker_writes_its_own_topics_and_the_inputs_of_those_it_tells(service: str) -> None:
    told = EXECUTIONS.tells if service == "executions" else ()
    assert rights()[service].writes == OWN[service] | {f"{one}.in" for one in told}
    assert rights()[service].reads >= OWN[service]
    assert rights()[service].keys == (f"~{{{service}.*",)


@pytest.mark.parametrize("name", OTHERS)
def test_who_folds_nothing_writes_inputs_at_most_and_no_projection(name: str) -> None:
    one = rights()[name]
    assert all(topic.endswith(".in") for topic in one.writes)
    assert not any(key.startswith("~{") for key in one.keys)
    assert not one.groups


def test_only_the_api_knows_credentials() -> None:
    knows = {one.name for one in rights().values() if "credentials" in one.reads}
    assert knows == {one.name for one in rights().values() if "~credentials" in one.keys} == {"api"}
