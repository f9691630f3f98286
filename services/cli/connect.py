"""`stratafold connect strategies|agents`: a client of somebody else's stream, in the foreground."""

from __future__ import annotations

import runpy
import sys
from typing import Annotated

import typer

_PACKAGE = "services.connectors"


def register(app: typer.Typer) -> None:
    """Add the group `connect`."""
    group = typer.Typer(no_args_is_help=True, help="Bring an upstream's stream into Kafka.")
    group.command()(strategies)
    group.command()(agents)
    app.add_typer(group, name="connect")


def strategies(
    url: Annotated[str, typer.Option("--url", help="Such as ws://host:port/v1/ws.")],
    auth: Annotated[
        str, typer.Option("--auth", help="Sign by a frame, or by the URL: frame or url.")
    ] = "frame",
    subscribe: Annotated[
        list[str] | None,
        typer.Option("--subscribe", metavar="ID…", help="Only these strategies; all without it."),
    ] = None,
    more: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
    account: Annotated[str, typer.Option("--account", help="Whose stream it is.")] = "default",
) -> None:
    """Bring an account's strategy status stream into strategies.in, until SIGTERM or Ctrl-C.

    Signed with STRATAFOLD_UPSTREAM_API_KEY and STRATAFOLD_UPSTREAM_API_SECRET. Ends with status 2 for a wrong
    setting, 3 where its Kafka client is stuck.
    """
    from services.cli.failures import Failure

    if more and not subscribe:
        raise Failure(f"what is {more[0]!r}? strategies are named by --subscribe")
    named = [f"--subscribe={one}" for one in (*(subscribe or ()), *(more or ()))]
    _run("strategies", f"--url={url}", f"--auth={auth}", f"--account={account}", *named)


def agents(
    url: Annotated[str, typer.Option("--url", help="Such as ws://host:port/agents/current/stream.")],
) -> None:
    """Bring an agent's stream into agents.in, until SIGTERM or Ctrl-C; by its REST while there is no stream.

    Ends with status 2 for a wrong setting, 3 where its Kafka client is stuck.
    """
    _run("agents", f"--url={url}")


def _run(*arguments: str) -> None:
    """As `python -m services.connectors …` would; it ends with the process's own exit status."""
    sys.argv[1:] = arguments
    runpy.run_module(_PACKAGE, run_name="__main__", alter_sys=True)
