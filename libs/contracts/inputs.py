"""Which messages each input topic takes, as models: what descriptions and schemas are made of."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import BaseModel, create_model

from libs.contracts import strategies, versions
from libs.contracts.agents import MESSAGES
from libs.contracts.executions import ExecutionStatusChanged
from libs.contracts.operations import OUTCOME_EVENT, STATUS_EVENT, ExecutionOutcome, OperationStatusChanged

Model = type[BaseModel]


def _with_data(envelope: Model, data: dict[str, Any]) -> dict[str, Model]:
    """The envelope of each event with what its ``data`` has to be."""
    return {
        event: create_model(event, __base__=envelope, event=(Literal[event], ...), data=(model, ...))  # type: ignore[arg-type]
        for event, model in data.items()
    }


COMMANDS: Final = _with_data(versions.Command, dict(versions.DATA))
STATUS_EVENTS: Final = _with_data(strategies.StrategyEvent, dict(strategies.DATA))
INPUTS: Final[dict[str, dict[str, Model]]] = {
    "operations.in": {
        STATUS_EVENT: OperationStatusChanged,
        OUTCOME_EVENT: ExecutionOutcome,
    },
    "executions.in": {"trade_strategy.execution.status_changed": ExecutionStatusChanged},
    "versions.in": COMMANDS,
    "agents.in": dict(MESSAGES),
    "strategies.in": {**STATUS_EVENTS, "connector.scope": strategies.ConnectorScope},
    "instruments.in": {"instrument": versions.Instrument},
}
"""By topic and by what tells a message from the others of its topic."""
