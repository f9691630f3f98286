"""`stratafold schemas FOLDER`: the JSON Schemas of messages, events and documents, or whether they are as released."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from services.cli.failures import Failure


def register(app: typer.Typer) -> None:
    """Add `schemas`."""
    app.command()(schemas)


def schemas(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where they are, or are to be, written.")],
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; compare with those that are there.")
    ] = False,
) -> None:
    """Write JSON Schemas of messages, events and documents: `in/<topic>/…` is what others send, `out/…` what they read.

    With --check, ends with status 1 where somebody who relies on the schemas in FOLDER would be let down: by a message
    that is refused now, an event that is not as it was, a field that is gone. What comes along is no fault.
    """
    from libs.ledger.schemas import documents

    present = documents()
    if check:
        _check(folder, present)
        return
    for path, schema in present.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(schema, indent=2, ensure_ascii=False) + "\n")
    typer.echo(f"{len(present)} schemas in {folder}")


def _check(folder: Path, present: dict[str, dict[str, object]]) -> None:
    from libs.ledger.compatibility import losses

    released = {}
    for file in sorted(folder.rglob("*.json")):
        try:
            released[file.relative_to(folder).as_posix()] = json.loads(file.read_text())
        except (OSError, ValueError) as why:
            raise Failure(f"{file} can't be read: {why}") from None
    if not released:
        raise Failure(f"there are no schemas in {folder}")
    found = losses(released, present)
    for line in found:
        typer.echo(line)
    if found:
        raise typer.Exit(1)
    typer.echo(f"{len(released)} schemas are as they were, or allow more")
