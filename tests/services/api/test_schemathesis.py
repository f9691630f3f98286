"""Whatever a client makes of the description, no answer is a fault or undocumented; its token may do everything.

Over HTTP it is done in test_versions_real.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pytest
import schemathesis

from libs.security.credentials import SCOPES
from tests.services.api.fuzzing import fuzz, operations_of
from tests.services.api.process import ELSEWHERE
from tests.services.api.route_table import parameters_of, world
from tests.services.api.versions_world import ENDLESS, QUOTES

LABELS: Final = [
    each.label
    for each in operations_of(schemathesis.openapi.from_asgi("/openapi.json", world().served))
    if each.path != ENDLESS
]


class AnySymbol(dict[str, Mapping[str, str]]):
    """Prices of whatever is asked for, so that executions get through."""

    def __contains__(self, symbol: object) -> bool:
        return True

    def __missing__(self, symbol: str) -> Mapping[str, str]:
        return QUOTES["NVDA"]


@pytest.mark.parametrize("there", [False, True], ids=["made up", "what there is"])
@pytest.mark.parametrize("label", LABELS)
def test_every_answer_is_documented(label: str, there: bool) -> None:
    one = world()
    one.prices = AnySymbol()
    operations = operations_of(schemathesis.openapi.from_asgi("/openapi.json", one.served))
    (operation,) = [each for each in operations if each.label == label]
    parameters = parameters_of(operation.path) if there else None
    fuzz(operation, {**one.token(*SCOPES), **ELSEWHERE}, parameters)
