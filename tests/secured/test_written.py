"""What `deploy/rights.toml` says, judged without servers: names that exist, and nobody in another's house."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from typer.main import get_command

from libs.contracts.names import SERVICES, STREAMS
from services.cli.app import build
from services.executions import AGGREGATE as EXECUTIONS
from services.metrics import commands
from tests.secured.business import BUSINESS, KEYS
from tests.secured.rights import Rights, rights

OWN = {service: frozenset(f"{service}.{stream}" for stream in STREAMS) for service in SERVICES}
TOPICS = frozenset().union(*OWN.values()) | {"instruments.in", "credentials"}
OTHERS = ("gateway", "api", "metrics", "connect-strategies", "connect-agents")


def test_every_process_is_there() -> None:
    assert set(rights()) == set(BUSINESS) == {*SERVICES, *OTHERS}


@pytest.mark.parametrize("one", rights().values(), ids=lambda one: one.name)
def test_topics_and_commands_of_the_command_line_exist(one: Rights) -> None:
    assert one.reads | one.writes | one.configs <= TOPICS
    assert one.groups <= set(SERVICES)
    program, *words = one.process.split()
    assert program == "stratafold"
    assert words[0] in get_command(build()).commands  # type: ignore[attr-defined]


@pytest.mark.parametrize("one", rights().values(), ids=lambda one: one.name)
def test_nobody_is_given_more_than_there_is_business_with_nor_less(one: Rights) -> None:
    own = BUSINESS[one.name]
    assert (one.reads, one.writes, one.configs, one.groups) == (
        own.reads,
        own.writes,
        own.configs,
        own.groups,
    )
    assert (frozenset(one.commands), frozenset(one.series)) == (own.commands, own.series)
    assert _kinds(one.keys, "~") == own.keys_written
    assert _kinds(one.keys, "%R~") == own.keys_read


def _kinds(patterns: tuple[str, ...], begin: str) -> frozenset[str]:
    """The kinds of keys that those of the patterns name which begin so."""
    named = [one.removeprefix(begin) for one in patterns if one.startswith(begin)]
    return frozenset(kind for kind, key in KEYS.items() for one in named if fnmatchcase(key, one))


@pytest.mark.parametrize("service", SERVICES)
def test_a_worker_has_business_with_its_own_and_with_the_inputs_of_those_it_tells(service: str) -> None:
    told = EXECUTIONS.tells if service == "executions" else ()
    own = BUSINESS[service]
    assert own.writes == OWN[service] | {f"{one}.in" for one in told}
    assert own.reads >= OWN[service]
    assert own.keys_written == {service}
    assert not own.keys_read


@pytest.mark.parametrize("name", OTHERS)
def test_who_folds_nothing_writes_inputs_at_most_and_no_projection(name: str) -> None:
    own = BUSINESS[name]
    assert all(topic.endswith(".in") for topic in own.writes)
    assert not own.keys_written & set(SERVICES)
    assert not own.groups


def test_only_the_api_knows_credentials() -> None:
    knows = {name for name, one in BUSINESS.items() if "credentials" in one.reads}
    assert (
        knows
        == {name for name, one in BUSINESS.items() if "credentials" in one.keys_written | one.keys_read}
        == {"api"}
    )


def test_metrics_may_run_every_command_that_its_figures_are_written_by() -> None:
    """Also those which a Redis without TimeSeries does not have, and so could never refuse."""
    fields = {"rate": "1"}
    written = [
        *commands.replace("m:now:x", fields),
        *commands.members("m:agents", ["a"]),
        commands.append("m:ts:x", 1, fields, 1),
        commands.append_of("m:agent:a:equity", "1-0", fields, 1),
        commands.entry_of("m:feed", "1-0", fields),
        *commands.remove("m:feed", ["1-0"]),
        *commands.samples("x", 1, fields),
    ]
    assert {name.lower() for name, *_ in written} <= BUSINESS["metrics"].commands | BUSINESS["metrics"].series
    assert {key.partition(":")[0] for _, key, *_ in written} == {"m", "ts"}
