"""`stratafold show|history|key ENTITY ID`: an entity's projection, its history, and the Redis key it lies under."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from libs.contracts.names import Names
from libs.settings import Settings, load
from services.cli.failures import NOT_FOUND, Failure
from services.cli.folds import BUILT_ENTITIES
from services.cli.subjects import Subject, check_built, subject

if TYPE_CHECKING:
    from libs.views.reading import Projection

Entity = Annotated[str, typer.Argument(metavar="ENTITY", help=f"{' or '.join(BUILT_ENTITIES)}.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="The entity's id.")]
Account = Annotated[str | None, typer.Option("--account", help="The account that a strategy belongs to.")]
Strategy = Annotated[str | None, typer.Option("--strategy", help="The strategy that a version belongs to.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


def register(app: typer.Typer) -> None:
    """Add `show`, `history` and `key`."""
    app.command()(show)
    app.command()(history)
    app.command()(key)


def show(
    entity: Entity, entity_id: Id, account: Account = None, strategy: Strategy = None, as_json: Json = False
) -> None:
    """Show an entity as it is now. With --json: the document of its .state topic, byte for byte.

    Ends with status 1 where there is no such entity.
    """
    from services.cli import clients, folds
    from services.cli.document import printed, state_document

    settings, one = load(), _asked(entity, entity_id, account, strategy)
    aggregate = folds.aggregate(one.service)
    _, projection = clients.run(_find(settings, one), settings)
    document = state_document(aggregate, one.id, projection.fields)
    if as_json:
        sys.stdout.buffer.write(document + b"\n")
    else:
        printed(one.entity, document)


def history(
    entity: Entity, entity_id: Id, account: Account = None, strategy: Strategy = None, as_json: Json = False
) -> None:
    """Tell what happened to an entity, oldest first: what each record changed, or claimed otherwise than stands.

    With --json: an array of the log records, each with `changed` and `claimed`.

    Ends with status 1 where there is no such entity.
    """
    from libs.views.changes import steps
    from services.cli import clients, folds
    from services.cli.document import damaged, print_step, step_json

    settings, one = load(), _asked(entity, entity_id, account, strategy)
    aggregate = folds.aggregate(one.service)
    followed = steps(aggregate, one.id, clients.run(_history(settings, one), settings))
    try:
        if as_json:
            sys.stdout.buffer.write(b"[" + b",\n".join(map(step_json, followed)) + b"]\n")
        else:
            for step in followed:
                print_step(step)
    except ValueError as why:
        raise damaged(f"the history of {one.id}", one.service, why) from None


def key(
    entity: Entity, entity_id: Id, account: Account = None, strategy: Strategy = None, as_json: Json = False
) -> None:
    """Print the Redis key of an entity, whether or not there is one. With --json: an object with `key`."""
    settings, one = load(), _asked(entity, entity_id, account, strategy)
    partition, *others = one.partitions(settings.partitions)
    if others:
        from services.cli import clients

        partition, _ = clients.run(_find(settings, one), settings)
    name = Names(settings.namespace).entity(one.service, partition, one.id)
    typer.echo(json.dumps({"key": name}, ensure_ascii=False) if as_json else name)


def _asked(entity: str, entity_id: str, account: str | None, strategy: str | None) -> Subject:
    """An entity that can be; whether there is such a thing at all comes before what is wrong with its id."""
    check_built(entity)
    return subject(entity, entity_id, account, strategy)


async def _find(settings: Settings, one: Subject) -> tuple[int, Projection]:
    from libs.views.reading import Views
    from services.cli.clients import open_redis
    from services.cli.document import damaged

    unready = []
    async with open_redis(settings) as redis:
        views = Views(redis, Names(settings.namespace))
        for partition in one.partitions(settings.partitions):
            try:
                found = await views.projection(one.service, partition, one.id)
            except ValueError as why:  # no text, or a position that is no number
                raise damaged(f"the projection of {one.id}", one.service, why) from None
            if found.fields:
                if not found.ready:
                    _warn(f"{one.service} partition {partition} is not ready: this may be behind")
                return partition, found
            if not found.ready:
                unready.append(str(partition))
    but = (
        f"; but {one.service} partition {', '.join(unready)} is not ready, so it may come" if unready else ""
    )
    raise Failure(f"there is no {one.entity} {one.id}{but}", NOT_FOUND)


async def _history(settings: Settings, one: Subject) -> list[bytes]:
    from libs.views.reading import Views
    from services.cli.clients import open_redis
    from services.cli.document import damaged

    partition, _ = await _find(settings, one)
    async with open_redis(settings) as redis:
        records = await Views(redis, Names(settings.namespace)).history(one.service, partition, one.id)
    if not records:  # whoever has a projection has a history
        raise damaged(f"the history of {one.id}", one.service, ValueError("there is none"))
    return records


def _warn(text: str) -> None:
    typer.echo(f"stratafold: {text}", err=True)
