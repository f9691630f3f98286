"""Which messages each input topic takes, as models: what descriptions and schemas are made of."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import BaseModel, create_model

from libs.contracts import executions, operations, strategies, versions
from libs.contracts.agents import MESSAGES

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
        operations.STATUS_EVENT: operations.OperationStatusChanged,
        operations.OUTCOME_EVENT: operations.ExecutionOutcome,
    },
    "executions.in": {executions.STATUS_EVENT: executions.ExecutionStatusChanged},
    "versions.in": COMMANDS,
    "agents.in": dict(MESSAGES),
    "strategies.in": {**STATUS_EVENTS, "connector.scope": strategies.ConnectorScope},
    "instruments.in": {"instrument": versions.Instrument},
}
"""By topic and by what tells a message from the others of its topic."""
