"""Deliveries as JSON lines, one file a webhook, for pushing them to a topic later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Final

import orjson

from services.simulator.disorder import Delivery
from services.simulator.scenario import Webhook

WEBHOOKS: Final[tuple[Webhook, ...]] = ("operations", "executions")


def paths(file: Path, webhook: Webhook | None) -> dict[Webhook, Path]:
    """Where each webhook goes: ``demo.jsonl`` -> ``demo.operations.jsonl``, ``demo.executions.jsonl``.

    Where one webhook alone is wanted, its file is as named.
    """
    if webhook is not None:
        return {webhook: file}
    return {name: file.with_name(f"{file.stem}.{name}{file.suffix or '.jsonl'}") for name in WEBHOOKS}


def write(deliveries: Iterable[Delivery], files: dict[Webhook, Path]) -> tuple[dict[Webhook, int], int]:
    """Write one body a line; returns how many there are of each webhook, and how many had to be left out.

    Left out are broken bodies that can't be a line with a key: not a JSON object, or without an id that is a text.
    Raises OSError.
    """
    with ExitStack() as stack:
        opened = {name: stack.enter_context(path.open("wb")) for name, path in files.items()}
        return _write(deliveries, opened)


def _write(
    deliveries: Iterable[Delivery], opened: Mapping[Webhook, BinaryIO]
) -> tuple[dict[Webhook, int], int]:
    written: dict[Webhook, int] = dict.fromkeys(opened, 0)
    left_out = 0
    for delivery in deliveries:
        if delivery.webhook not in opened:
            continue
        if delivery.kind == "broken" and not _can_be_a_line(delivery.body):
            left_out += 1
            continue
        opened[delivery.webhook].write(delivery.body + b"\n")
        written[delivery.webhook] += 1
    return written, left_out


def _can_be_a_line(body: bytes) -> bool:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return b"\n" not in body and isinstance(document, dict) and isinstance(document.get("id"), str)
