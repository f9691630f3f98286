"""What the inputs of operations and executions have in common: the sources 000 and 003 are of one webhook family."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from libs.contracts.fields import Text, Time, Uuid


class UnknownEvent(BaseModel):
    """What is said of an operation or execution under an event that nobody here knows: kept, and ignored."""

    model_config = ConfigDict(extra="allow")

    event: Text = Field(description="None of those that the topic is for.")
    id: Uuid = Field(description="The operation's or execution's id.")
    updated_at: Time
