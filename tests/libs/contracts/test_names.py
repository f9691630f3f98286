"""Names that other people's programs rely on."""

from __future__ import annotations

import pytest

from libs.contracts.names import Names, service_of


def test_names_without_a_namespace() -> None:
    """As the contract's tables spell them."""
    names = Names()
    assert names.topic("operations.in") == "operations.in"
    assert names.group("operations") == "operations"
    assert names.entity("operations", 3, "x") == "{operations.3}:operation:x"
    assert names.history("operations", 3, "x") == "{operations.3}:operation:x:log"
    assert names.index("operations", 3, "status", "settled") == "{operations.3}:by:status:settled"
    assert names.position("operations", 3) == "{operations.3}:position"
    assert names.counters("operations", 3) == "{operations.3}:counters"


def test_a_namespace_goes_before_every_name() -> None:
    """With a point for topics and groups, with a colon for keys."""
    names = Names("x")
    assert names.topic("operations.in") == "x.operations.in"
    assert names.group("operations") == "x.operations"
    assert names.entity("executions", 0, "y") == "x:{executions.0}:execution:y"
    assert names.key("m:services") == "x:m:services"


def test_a_service_is_found_by_either_of_its_names() -> None:
    """Singular or plural; anything else is no service."""
    assert service_of("operation") == service_of("operations") == "operations"
    assert service_of("strategy") == "strategies"
    with pytest.raises(KeyError):
        service_of("order")
