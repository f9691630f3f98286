"""`stratafold local up|down|status`: the local Kafka and Redis alone."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console

from libs.local.stack import LocalStack, Status
from libs.settings import load

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


def register(app: typer.Typer) -> None:
    """Add the group `local`."""
    group = typer.Typer(
        no_args_is_help=True, help="The local Kafka and Redis, in the folder STRATAFOLD_DATA."
    )
    group.command()(up)
    group.command()(down)
    group.command()(status)
    app.add_typer(group, name="local")


def up(as_json: Json = False) -> None:
    """Start Kafka and Redis where they don't run yet, and wait until both serve."""
    stack = _stack()
    started = stack.up()
    _print(
        stack,
        {name: "started" if name in started else "runs already" for name in ("kafka", "redis")},
        as_json,
    )


def down(as_json: Json = False) -> None:
    """Stop Kafka and Redis; what they keep stays."""
    stack = _stack()
    stopped = stack.down()
    _print(
        stack, {name: "stopped" if name in stopped else "did not run" for name in ("kafka", "redis")}, as_json
    )


def status(as_json: Json = False) -> None:
    """Say what runs. Ends with status 0 where both do, else 1."""
    stack = _stack()
    servers = stack.status()
    _print(stack, {server.name: "runs" if server.pid else "does not run" for server in servers}, as_json)
    if not all(server.pid for server in servers):
        raise typer.Exit(1)


def _stack() -> LocalStack:
    settings = load()
    return LocalStack(settings.data, settings.local_kafka_port, settings.local_redis_port)


def _print(stack: LocalStack, said: dict[str, str], as_json: bool) -> None:
    servers = stack.status()
    if as_json:
        shown = {server.name: {"state": said[server.name], **_without_name(server)} for server in servers}
        typer.echo(json.dumps({"data": str(stack.data), **shown}))
        return
    console = Console(highlight=False)
    for server in servers:
        process = f" (pid {server.pid})" if server.pid else ""
        console.print(f"[bold]{server.name}[/]  {server.address}  {said[server.name]}{process}")
    console.print(f"[bold]data[/]   {stack.data}", soft_wrap=True)


def _without_name(server: Status) -> dict[str, str | int | None]:
    return {name: value for name, value in asdict(server).items() if name != "name"}
