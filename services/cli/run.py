"""`stratafold worker SERVICE`, `gateway`, `api`, `metrics`: one process of the system, in the foreground."""

from __future__ import annotations

import runpy
from typing import Annotated

import typer

from services.cli.folds import BUILT, check_built


def register(app: typer.Typer) -> None:
    """Add `worker`, `gateway`, `api` and `metrics`."""
    app.command()(worker)
    app.command()(gateway)
    app.command()(api)
    app.command()(metrics)


def worker(
    service: Annotated[str, typer.Argument(metavar="SERVICE", help=f"{' or '.join(BUILT)}.")],
) -> None:
    """Run the worker of a service until SIGTERM or Ctrl-C.

    Ends with status 2 for a wrong setting, 3 where its Kafka client is stuck.
    """
    _run(f"services.{check_built(service)}")


def gateway() -> None:
    """Run the webhook gateway until SIGTERM or Ctrl-C. Ends with status 2 for a wrong setting or a port in use."""
    _run("services.gateway")


def api() -> None:
    """Run the API until SIGTERM or Ctrl-C. Ends with status 2 for a wrong setting or a port in use."""
    _run("services.api")


def metrics() -> None:
    """Write the figures for Grafana until SIGTERM or Ctrl-C; of several such processes one does.

    Ends with status 2 for a wrong setting.
    """
    _run("services.metrics")


def _run(package: str) -> None:
    """As `python -m package` would; it ends with the process's own exit status."""
    runpy.run_module(package, run_name="__main__", alter_sys=True)
