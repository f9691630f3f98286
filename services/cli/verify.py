"""`stratafold verify`: is everything that is stored what follows from the input and the log?"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
from dataclasses import asdict
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from libs.contracts.names import Names
from libs.runtime.verification.findings import MEANING, Findings
from libs.settings import Settings, load
from libs.telemetry.redaction import redact_text
from libs.views.printable import printable
from services.cli import folds
from services.cli.progress import Bar

AGREES, DIFFERS, UNCHECKED = 0, 1, 2
_COLUMNS: Final = ("input", "log", "doubles", "events", "state", "dead", "entities", "keys")

Services = Annotated[
    list[str] | None, typer.Argument(metavar="SERVICE", help="By default those of STRATAFOLD_SERVICES.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Wait = Annotated[
    float, typer.Option("--wait", min=0, help="Seconds that workers get to fold what lies in the input.")
]


def register(app: typer.Typer) -> None:
    """Add the command `verify`."""
    app.command()(verify)


def verify(services: Services = None, as_json: Json = False, wait: Wait = 30.0) -> None:
    """Compare log, events, state, dead letters and Redis with what follows from the input.

    Ends with status 0 where all agrees, 1 where something differs, 2 where it could not be checked. What topics no
    longer keep is named, and is no reason for 2: it stays so.
    """
    settings = load()
    chosen = [folds.check_built(service) for service in dict.fromkeys(services or ())]
    absent: list[str] = []
    found, why = asyncio.run(_verify(settings, chosen, wait, as_json, absent))
    if as_json:
        _print_json(found, absent, why)
    else:
        _print(found, absent, why)
    raise typer.Exit(_status(found, why))


async def _verify(
    settings: Settings, chosen: list[str], wait: float, quiet: bool, absent: list[str]
) -> tuple[dict[str, Findings], str | None]:
    """What was found by service, and why it ended early if it did; ``absent`` takes the services without topics."""
    from libs.runtime.kafka_access import KafkaAccess
    from libs.runtime.verification.service_check import CouldNotCheck, opened
    from libs.views.redis_access import RedisAccess

    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what it says of retries, the one line says
    gc.set_threshold(50_000, 20, 50)  # what is remembered stays to the end: looking at it often is in vain
    found: dict[str, Findings] = {}
    names = Names(settings.namespace)
    try:
        async with opened(
            KafkaAccess.of(settings), RedisAccess.of(settings), names, settings.partitions, settings.history
        ) as oracle:
            for service in chosen or folds.running(settings.services):
                if await oracle.has_topics(service):
                    with Bar(f"verify {service}", "records", quiet) as bar:
                        found[service] = await oracle.check(folds.aggregate(service), wait, bar)
                elif chosen:
                    return found, f"{service} has no topics here: stratafold topics create"
                else:
                    absent.append(service)
    except CouldNotCheck as why:
        return found, redact_text(str(why))
    return found, None if found else "no service has topics here: stratafold topics create"


def _status(found: dict[str, Findings], why: str | None) -> int:
    if any(findings.counts for findings in found.values()):
        return DIFFERS
    return UNCHECKED if why or any(findings.unchecked for findings in found.values()) else AGREES


def _print_json(found: dict[str, Findings], absent: list[str], why: str | None) -> None:
    verdict = {AGREES: "agrees", DIFFERS: "differs", UNCHECKED: "unchecked"}[_status(found, why)]
    services = {
        service: {
            "checked": dict(findings.checked),
            "older_than_kept": dict(findings.excused),
            "skipped": [
                {"partition": partition, **asdict(skipped)} for partition, skipped in findings.skipped.items()
            ],
            "unchecked": findings.unchecked,
            "differences": [
                {
                    "kind": kind,
                    "count": count,
                    "first": [
                        {"partition": one.partition, "where": one.where, "detail": one.detail}
                        for one in findings.first[kind]
                    ],
                }
                for kind, count in findings.counts.items()
            ],
        }
        for service, findings in found.items()
    }
    typer.echo(json.dumps({"verdict": verdict, "error": why, "services": services, "without_topics": absent}))


def _print(found: dict[str, Findings], absent: list[str], why: str | None) -> None:
    console = Console(highlight=False)
    if found:
        table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1))
        table.add_column("compared", no_wrap=True)
        for column in _COLUMNS:
            table.add_column(column, justify="right", no_wrap=True)
        for service, findings in found.items():
            table.add_row(service, *(f"{findings.checked[column]:,}" for column in _COLUMNS))
        console.print(table)
    for service, findings in found.items():
        for what, count in findings.excused.items():
            console.print(
                f"[dim]{service}: {count:,} of {what} can't be checked: older than its topic keeps[/]"
            )
        for partition, skipped in findings.skipped.items():
            console.print(
                f"could not check {service} partition {partition}: the log passes over {skipped}, and its topic no"
                " longer keeps that: markers of transactions, aborted records, or input removed before it was folded",
                style="yellow",
                soft_wrap=True,
            )
        for kind, count in findings.counts.items():
            console.print(f"[bold red]{service}: {count:,} {MEANING[kind]}[/] [dim]({kind})[/]")
            for one in findings.first[kind]:
                place = f"partition {one.partition}, {one.where}"
                console.print(f"    {printable(f'{place}: {one.detail}')}", markup=False, soft_wrap=True)
            if count > len(findings.first[kind]):
                console.print(f"    … and {count - len(findings.first[kind]):,} more")
        for unchecked in findings.unchecked:
            console.print(f"could not check {unchecked}", style="yellow", markup=False, soft_wrap=True)
    if found and absent:
        console.print(f"[dim]without topics here, so not compared: {', '.join(absent)}[/]")
    if why:
        Console(stderr=True, highlight=False).print(f"stratafold: {why}", markup=False, soft_wrap=True)
    status = _status(found, why)
    if status == AGREES:
        gone = any(findings.excused or findings.skipped for findings in found.values())
        console.print(f"[bold green]{'All that can be checked' if gone else 'All'} agrees.[/]")
    elif status == DIFFERS:
        console.print("[bold red]There are differences.[/]")
    else:
        console.print("[bold yellow]Not everything could be checked.[/]")
