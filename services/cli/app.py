"""The stratafold command: puts together the modules that each bring some of its subcommands.

A module is listed here by name and has `register(app)`, which adds its commands or a group of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import Annotated, Final

import typer

# In the order of `--help`.
MODULES: Final[tuple[str, ...]] = (
    "up",
    "run",
    "connect",
    "local",
    "topics",
    "push",
    "show",
    "status",
    "dead",
    "verify",
    "rebuild",
    "credentials",
    "schemas",
)


def build() -> typer.Typer:
    """The whole command, made anew."""
    app = typer.Typer(
        name="stratafold",
        help="Folds trading events from Kafka into logs, projections and derived events.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    # With a callback, typer keeps subcommands even where there is only one of them.
    @app.callback()
    def stratafold(
        version: Annotated[
            bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
        ] = False,
    ) -> None:
        """Folds trading events from Kafka into logs, projections and derived events."""

    for name in MODULES:
        import_module(f"services.cli.{name}").register(app)
    return app


def _version(asked: bool) -> None:
    if not asked:
        return
    from importlib.metadata import version

    typer.echo(f"stratafold {version('stratafold')}")
    raise typer.Exit
