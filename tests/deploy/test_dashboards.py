"""The dashboards as files: Grafana's own types read them whole, and all that they ask for is in the contract."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana.description import __main__ as description
from libs.contracts import monitoring
from libs.contracts.names import SERVICES
from libs.contracts.statuses import STATUSES
from tests.deploy.dashboards import DASHBOARDS, FOLDER, load, panels
from tests.deploy.manifests import compose
from tests.deploy.viewer import USER

SOURCE = {"type": "redis-datasource", "uid": "stratafold-redis"}
COLUMNS = {
    monitoring.FEED: monitoring.FEED_FIELDS,
    monitoring.agent("${agent}"): monitoring.AGENT_FIELDS,
    monitoring.equity("${agent}"): monitoring.EQUITY_FIELDS,
    monitoring.strategy("${strategy}"): monitoring.STRATEGY_FIELDS,
    **{
        key(name): monitoring.PIPELINE_FIELDS
        for name in (*SERVICES, "${service}")
        for key in (monitoring.now, "m:${{grain}}:{}".format)
    },
    **{
        key(monitoring.BUSINESS): monitoring.BUSINESS_FIELDS
        for key in (monitoring.now, "m:${{grain}}:{}".format)
    },
}
"""The keys whose fields are named in the contract, with the dashboards' variables in them."""
FREE = {
    *(monitoring.status(service) for service in STATUSES),
    monitoring.OPERATION_REASONS,
    monitoring.EXECUTION_REASONS,
    monitoring.NOTIONAL,
    monitoring.BLOCKS,
}
"""The hashes that are shown with whatever fields they have."""

on_every_dashboard = pytest.mark.parametrize("name", DASHBOARDS)


def _columns(panel: dict[str, Any]) -> set[str]:
    """The columns that a panel keeps of an answer; none: it keeps all."""
    steps = [step for step in panel["transformations"] if step["id"] == "filterFieldsByName"]
    return {name for step in steps for name in step["options"]["include"]["names"]} - {"$time"}


def _asked() -> Iterator[tuple[str, set[str]]]:
    """Every key that a panel of any dashboard reads, with the columns that it keeps."""
    for name in DASHBOARDS:
        for panel in panels(load(name)):
            for query in panel["targets"]:
                yield query["keyName"], _columns(panel)


def _provisioned(what: str) -> set[str]:
    """The lines of a provisioning file, which has each name once."""
    text = (FOLDER.parent / "provisioning" / what / "stratafold.yaml").read_text("utf-8")
    return {line.strip() for line in text.splitlines()}


@on_every_dashboard
def test_grafanas_own_types_read_a_dashboard_and_write_it_as_it_was(name: str) -> None:
    """They are made from the schema that Grafana publishes, and drop what that doesn't know."""
    register_default_plugins()
    text = (FOLDER / f"{name}.json").read_text("utf-8")
    read = Dashboard.from_json(json.loads(text))
    assert json.loads(JSONEncoder().encode(read)) == json.loads(text)


def test_every_key_and_every_column_is_in_the_contract() -> None:
    """And what a panel shows of a key with free fields, it shows whole."""
    for key, columns in _asked():
        if key in FREE:
            assert columns == set(), key
        else:
            assert columns, key
            assert columns <= set(COLUMNS[key]), key


def test_every_key_of_the_contract_is_on_a_dashboard() -> None:
    """A service's figures over time stand on the panels of the service that was chosen."""
    alike = {"m:${grain}:" + service for service in SERVICES} | {monitoring.now("${service}")}
    assert (COLUMNS.keys() | FREE) - alike - {key for key, _ in _asked()} == set()


def test_every_figure_is_on_a_dashboard() -> None:
    """What is written once a second and never shown is not worth its place."""
    business = [columns for key, columns in _asked() if key.endswith(f":{monitoring.BUSINESS}")]
    # by rule they stand on a panel of their own
    assert set(monitoring.BUSINESS_FIELDS) - set().union(*business) == {"blocks_total"}
    service = [columns for key, columns in _asked() if key.endswith((":${service}", f":{SERVICES[0]}"))]
    # inputs are those of all verdicts, and all services' disputed entities are one figure of the business
    assert set(monitoring.PIPELINE_FIELDS) - set().union(*service) == {"in_total", "disputed"}


@on_every_dashboard
def test_a_stranger_can_read_every_panel(name: str) -> None:
    """It has a title, says what it shows, and has a unit where it shows numbers."""
    for panel in panels(load(name)):
        assert panel["title"], panel["id"]
        assert panel["description"].endswith("."), panel["title"]
        names = {
            one["value"]
            for override in panel["fieldConfig"]["overrides"]
            for one in override["properties"]
            if one["id"] == "displayName"
        }
        assert not [one for one in names if "_" in one or "$" in one], names
        assert names or not _columns(panel), panel["title"]
        shows_words = panel["type"] == "table" or panel["options"].get("reduceOptions", {}).get("fields")
        assert shows_words or panel["fieldConfig"]["defaults"]["unit"], panel["title"]


@on_every_dashboard
def test_panels_have_ids_of_their_own_and_lie_side_by_side(name: str) -> None:
    """Each on Grafana's grid of 24 columns, none on another."""
    everything = load(name)["panels"]
    assert [panel["id"] for panel in everything] == list(range(1, len(everything) + 1))
    taken: set[tuple[int, int]] = set()
    for place in (panel["gridPos"] for panel in everything):
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert all(0 <= x < 24 for x, _ in cells)
        assert not taken & cells
        taken |= cells
    bottom = max(y for _, y in taken) + 1
    assert len(taken) == 24 * bottom  # and no hole between them


@on_every_dashboard
def test_all_ask_the_data_source_that_is_provisioned(name: str) -> None:
    """The panels, their queries, and the variables that are chosen from Redis."""
    provisioned = _provisioned("datasources")
    assert {f"{name}: {value}" for name, value in SOURCE.items()} <= provisioned
    dashboard = load(name)
    askers = [*panels(dashboard), *(query for panel in panels(dashboard) for query in panel["targets"])]
    askers += [variable for variable in dashboard["templating"]["list"] if variable["type"] == "query"]
    assert all(asker["datasource"] == SOURCE for asker in askers)


def test_the_data_source_is_the_user_that_may_only_read_and_its_password_is_not_here() -> None:
    """It comes from the environment, as the address does; the dashboards are read where the README has them laid."""
    assert {
        "acl: true",
        f"user: {USER}",
        "url: $STRATAFOLD_GRAFANA_REDIS",
        "password: $STRATAFOLD_GRAFANA_REDIS_PASSWORD",
    } <= _provisioned("datasources")
    paths = {line for line in _provisioned("dashboards") if line.startswith("path: ")}
    readme = (FOLDER.parent / "README.md").read_text("utf-8")
    assert [path for path in paths if f"`{path.removeprefix('path: ')}`" in readme] == list(paths) != []


def test_no_two_dashboards_have_one_name() -> None:
    loaded = [load(name) for name in DASHBOARDS]
    assert (
        len({one["uid"] for one in loaded}) == len({one["title"] for one in loaded}) == len(DASHBOARDS) == 4
    )


def test_a_file_that_was_changed_by_hand_is_stale_and_so_is_one_that_nobody_describes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(description, "FOLDER", tmp_path)
    wanted = description.files(6)
    for path, text in wanted.items():
        path.write_text(text, "utf-8")
    assert description.stale(wanted) == []
    changed, missing, foreign = tmp_path / "agents.json", tmp_path / "pipeline.json", tmp_path / "mine.json"
    changed.write_text(changed.read_text("utf-8").replace("Equity", "Wealth"), "utf-8")
    missing.unlink()
    foreign.write_text("{}", "utf-8")
    assert description.stale(wanted) == [changed, foreign, missing]


@pytest.mark.parametrize("partitions", [6, 12])
def test_ready_partitions_are_green_where_all_are_whatever_other_services_have(partitions: int) -> None:
    """Half of them is not enough, even if no service has more."""
    wanted = description.files(partitions)[description.FOLDER / "pipeline.json"]
    panel = next(one for one in panels(json.loads(wanted)) if one["title"].startswith("Ready partitions, of"))
    assert panel["title"].endswith(f" {partitions}")
    told = panel["fieldConfig"]["defaults"]["thresholds"]
    assert told["mode"] == "absolute"
    steps = [(step["value"] or 0, step["color"]) for step in told["steps"]]
    assert steps == [(0, "red"), (1, "orange"), (partitions, "green")]


def test_the_dashboards_that_compose_shows_are_for_as_many_partitions_as_it_has() -> None:
    told = compose()["x-settings"]["STRATAFOLD_PARTITIONS"]
    assert told == f"${{STRATAFOLD_PARTITIONS:-{description.PARTITIONS}}}"
