"""The benchmark's load: what it promises to the benchmark."""

from __future__ import annotations

from collections import defaultdict
from decimal import ROUND_HALF_UP, Context, Decimal

import orjson
import pytest

from services.simulator.load import bench_executions
from tests.services.simulator.folding import Folds

EXACT = Context(prec=60, rounding=ROUND_HALF_UP)


@pytest.mark.parametrize("n", [0, 1, 7, 100, 1_203])
def test_two_webhooks_an_execution_in_order_and_apart(n: int) -> None:
    """Awaiting comes first, settled not next to it, and the fold applies all of them."""
    bodies = list(bench_executions(n, 1))
    folds = Folds()
    places: dict[str, list[int]] = defaultdict(list)
    for place, body in enumerate(bodies):
        assert folds.take("executions", body) == "applied"
        document = orjson.loads(body)
        assert body[7:43].decode() == document["id"]
        assert len(document["instructions"]) == 2
        places[document["id"]].append(place)
    assert len(places) == n
    assert len(bodies) == 2 * n
    assert all(len(both) == 2 for both in places.values())
    assert all(one.state.status == "settled" for one in folds.executions.values())
    if n > 1:
        assert all(second - first > 1 for first, second in places.values())


def test_the_same_seed_gives_the_same_bytes() -> None:
    """And another seed others."""
    first, second, other = (list(bench_executions(300, seed)) for seed in (1, 1, 2))
    assert first == second != other


def test_bodies_have_the_size_of_the_benchmark() -> None:
    """About 0.9 KB on average."""
    bodies = list(bench_executions(1_000, 1))
    assert 800 < sum(map(len, bodies)) / len(bodies) < 1_000


def test_quantities_are_exact() -> None:
    """Whole-number arithmetic gives what decimals give."""
    for body in bench_executions(500, 4):
        for i in orjson.loads(body)["instructions"]:
            if i["status"] == "executed":
                exact = EXACT.divide(Decimal(i["amount"]), Decimal(i["price"]))
                assert Decimal(i["quantity"]) == EXACT.quantize(exact, Decimal("1e-8"))
                assert i["total_notional"] == i["amount"]
