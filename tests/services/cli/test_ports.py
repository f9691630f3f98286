"""The ports of `up`: two of its own that are alike are told, by the settings' names, and nothing else is."""

from __future__ import annotations

import pytest

from libs.settings import SERVICES, Settings
from services.cli.failures import WRONG, Failure
from services.cli.ports import check_apart, used
from services.cli.roster import roster


def _checked(only: list[str], **settings: object) -> None:
    check_apart(used(Settings(**settings), roster(SERVICES, only, demo=False)))  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever this run was started with."""
    for name in ("KAFKA", "REDIS", "LOCAL_KAFKA_PORT", "LOCAL_REDIS_PORT", "GATEWAY_PORT", "API_PORT"):
        monkeypatch.delenv(f"STRATAFOLD_{name}", raising=False)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("gateway_port", "api_port"),
        ("local_redis_port", "api_port"),
        ("local_kafka_port", "gateway_port"),
        ("local_kafka_port", "local_redis_port"),
    ],
)
def test_two_alike_are_named(one: str, other: str) -> None:
    with pytest.raises(Failure) as refusal:
        _checked([], **{one: 28_000, other: 28_000})
    assert refusal.value.status == WRONG
    for word in (f"STRATAFOLD_{one.upper()}", f"STRATAFOLD_{other.upper()}", "both 28000"):
        assert word in str(refusal.value)


def test_a_default_counts_as_well() -> None:
    """One set to what another has unless it is set."""
    with pytest.raises(Failure, match="GATEWAY_PORT and STRATAFOLD_API_PORT are both 8001"):
        _checked([], api_port=8001)


@pytest.mark.parametrize(
    ("only", "settings"),
    [
        ([], {}),
        ([], {"kafka": "elsewhere:9092", "local_kafka_port": 8000}),
        ([], {"redis": "redis://elsewhere", "local_redis_port": 8001}),
        (["operations", "gateway"], {"gateway_port": 28_000, "api_port": 28_000}),
        (["operations"], {"gateway_port": 28_000, "api_port": 28_000}),
    ],
)
def test_what_is_not_run_needs_no_port(only: list[str], settings: dict[str, object]) -> None:
    """A server that is elsewhere, a process that --only leaves out."""
    _checked(only, **settings)
