"""`stratafold up`: everything as separate processes, started again when they end, with a view of what they do."""

from __future__ import annotations

from typing import Annotated

import typer

from libs.settings import load
from services.cli.folds import BUILT


def register(app: typer.Typer) -> None:
    """Add `up`."""
    app.command()(up)


def up(
    demo: Annotated[
        bool,
        typer.Option(
            "--demo", help="Also run made-up upstreams of each service, a portfolio manager and a broker."
        ),
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only", metavar="SERVICE…", help=f"Run only these: {', '.join(BUILT)}, gateway, api, metrics."
        ),
    ] = None,
    more: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="Print log lines, as where there is no terminal.")
    ] = False,
) -> None:
    """Run everything, each service a process of its own, and show what they do until Ctrl-C.

    Without STRATAFOLD_KAFKA or STRATAFOLD_REDIS a local one is started, and stopped at the end; one that `stratafold
    local up` started is used and left running. What ends is started again. Logs are in the folder STRATAFOLD_DATA,
    under logs. Ends with status 2 for a wrong setting or a port in use.
    """
    from services.cli import folds
    from services.cli.failures import Failure
    from services.cli.roster import roster
    from services.cli.session import Session

    if more and not only:
        raise Failure(f"what is {more[0]!r}? services are named by --only")
    settings = load()
    chosen = roster(folds.running(settings.services), [*(only or ()), *(more or ())], demo)
    raise typer.Exit(Session(settings, chosen, demo, plain).run())
