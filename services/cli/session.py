"""One run of `up`, from the local stack's start to the last process's end."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from types import FrameType
from typing import Final

import structlog
import typer
from rich.console import Console

from libs.local.ports import free_port, taken
from libs.settings import Settings
from libs.telemetry.logs import configure
from libs.telemetry.redaction import redact_text
from services.cli.children import Child, stop
from services.cli.failures import WRONG, Failure
from services.cli.live import LiveView
from services.cli.made_up import environment
from services.cli.plain import PlainView
from services.cli.ports import check_apart, used
from services.cli.problems import Problem
from services.cli.roster import Process, channels, folding, placed
from services.cli.screen import ProcessLine, Scene
from services.cli.stack_keeper import StackKeeper
from services.cli.watch import Watch

_TICK: Final = 0.25  # seconds between two looks at the processes
_LOOK: Final = 1.0  # between two looks at figures, events and servers
_IN_VIEW: Final = 60.0  # that what happened stays in view
_CHILDREN: Final = 11.0  # that processes have to end
_ALL: Final = 14.5  # that processes and then Kafka and Redis have to end

logger = structlog.get_logger("stratafold.up")


class Session:
    """Runs the chosen processes until it is told to stop."""

    def __init__(self, settings: Settings, chosen: Sequence[Process], demo: bool, plain: bool) -> None:
        self._settings = settings
        self._chosen = chosen
        self._demo = demo
        self._logs = settings.data / "logs"
        self._console = Console(highlight=False)
        live = self._console.is_terminal and not plain
        self._view: LiveView | PlainView = LiveView(self._console) if live else PlainView()
        self._children: list[Child] = []
        self._metrics: dict[str, int] = {}  # ports
        self._channels = self._ports()  # ports, as well
        own = (settings.gateway_port, settings.api_port, *self._channels.values(), *self._metrics.values())
        self._stack = StackKeeper(settings, besides=own)
        self._told: deque[tuple[float, Problem]] = deque(maxlen=50)
        self._stops = 0
        self._interruptible = False
        self._began = time.monotonic()

    def run(self) -> int:
        """Run; the exit status. Raises Failure, LocalStackError."""
        check_apart(used(self._settings, self._chosen))
        listening = {"gateway": self._settings.gateway_port, "api": self._settings.api_port}
        for name, port in listening.items():
            if any(process.name == name for process in self._chosen) and taken(port):
                raise Failure(
                    f"port {port} for the {name} is in use by another program: "
                    f"set STRATAFOLD_{name.upper()}_PORT to a free one"
                )
        inherited = {**os.environ, **environment(self._settings, self._demo)}
        if services := folding(self._chosen):
            inherited["STRATAFOLD_SERVICES"] = ",".join(services)
        self._logs.mkdir(parents=True, exist_ok=True)
        self._children = [
            Child(
                process, placed(process, self._channels), self._logs, {**inherited, **self._measured(process)}
            )
            for process in self._chosen
        ]
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        with (self._logs / "up.log").open("a") as log:
            configure("up", log)
            try:
                self._start_stack()
                return asyncio.run(self._serve())
            except KeyboardInterrupt:
                return 0
            finally:
                self._end()

    def _ports(self) -> dict[str, int]:
        """A free port for each made-up upstream and its connector, and for the metrics of each process that has none.

        None is anybody's, so that two demos run side by side.
        """
        settings = self._settings
        ours = [
            settings.gateway_port,
            settings.api_port,
            settings.local_kafka_port,
            settings.local_redis_port,
        ]
        ports: dict[str, int] = {}
        for channel in channels(self._chosen):
            ports[channel] = free_port(*ours, *ports.values())
        for process in self._chosen:
            if process.measured:
                self._metrics[process.name] = free_port(*ours, *ports.values(), *self._metrics.values())
        return ports

    def _measured(self, process: Process) -> dict[str, str]:
        """The setting of its port; none, where it has none, whatever we were started with: all would take the same."""
        return {"STRATAFOLD_METRICS_PORT": str(self._metrics.get(process.name, ""))}

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stops += 1
        if self._interruptible:
            self._interruptible = False
            raise KeyboardInterrupt

    def _start_stack(self) -> None:
        if self._stack.names:
            self._print(f"starting {self._stack.names} …")
            self._interruptible = True
            self._stack.start()
            self._interruptible = False

    async def _serve(self) -> int:
        watch = Watch(self._settings, [process.name for process in self._chosen if process.folds])
        looking = asyncio.ensure_future(self._look(watch))
        looked = time.monotonic()
        try:
            with self._view:
                while not self._stops:
                    self._see_to_children()
                    if all(child.given_up for child in self._children):
                        break
                    if looking.done() and time.monotonic() - looked >= _LOOK:
                        looking.result()
                        looking, looked = asyncio.ensure_future(self._look(watch)), time.monotonic()
                    self._view.draw(self._scene(watch))
                    await asyncio.sleep(_TICK)
            return 0 if self._stops else self._nothing_runs()
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
            await watch.close()

    async def _look(self, watch: Watch) -> None:
        await watch.look()
        for name, text in await asyncio.to_thread(self._stack.look):
            self._happened(name, "warning", text)

    def _see_to_children(self) -> None:
        for child in self._children:
            for one in child.tail.read():
                self._note(one)
            if said := child.look():
                self._happened(child.name, "info" if child.pid else "error", said)

    def _nothing_runs(self) -> int:
        """Say of each process why it was given up."""
        self._see_to_children()
        for child in self._children:
            self._print(f"stratafold: {child.name}: {self._reason(child)}", error=True)
        return WRONG

    def _reason(self, child: Child) -> str:
        """Why a process is not running: what it said last, else what its end says."""
        if child.given_up and child.tail.last is not None:
            return child.tail.last.text.removeprefix("stratafold: ")
        return child.why or ""

    def _happened(self, name: str, level: str, text: str) -> None:
        at = datetime.now(UTC).strftime("%H:%M:%S")
        logger.info(text, about=name)
        self._note(Problem(name, at, level, text))

    def _note(self, one: Problem) -> None:
        one = Problem(one.process, one.at, one.level, redact_text(one.text))
        self._told.append((time.monotonic(), one))
        self._view.tell(one)

    def _scene(self, watch: Watch) -> Scene:
        settings, since = self._settings, time.monotonic() - _IN_VIEW
        redis = settings.redis_url.rpartition("@")[2].rpartition("://")[2]
        return Scene(
            uptime=time.monotonic() - self._began,
            servers=(("Kafka", settings.kafka_servers), ("Redis", redis)),
            seen=watch.now(self._ended()),
            processes=[self._line(child) for child in self._children],
            problems=[one for at, one in self._told if at >= since and one.level != "info"],
            addresses=self._addresses(),
        )

    def _ended(self) -> list[str]:
        """What the owners' names of partitions begin with, of workers that ended here."""
        host = socket.gethostname()
        return [f"{host}-{pid}-" for child in self._children for pid in child.ended]

    def _line(self, child: Child) -> ProcessLine:
        if child.pid is not None:
            return ProcessLine(child.name, "running", child.pid, child.restarts)
        if child.given_up:
            return ProcessLine(child.name, "stopped", None, child.restarts, self._reason(child))
        note = f"{child.why}, again in {child.waits:.0f} s" if child.why else ""
        return ProcessLine(child.name, "waiting", None, child.restarts, note)

    def _addresses(self) -> list[tuple[str, str]]:
        addresses = []
        if any(child.name == "gateway" for child in self._children):
            root = f"http://127.0.0.1:{self._settings.gateway_port}"
            addresses.append(("gateway", f"{root}/openapi.json  {root}/metrics  {root}/readyz"))
            addresses.append(("webhooks", f"POST {root}/webhooks/trade-strategy/operations  …/executions"))
        if any(child.name == "api" for child in self._children):
            root = f"http://127.0.0.1:{self._settings.api_port}"
            addresses.append(("page", f"{root}/  in a browser"))
            addresses.append(("api", f"{root}/agents  {root}/openapi.json  {root}/readyz"))
        if self._metrics:
            ports = "  ".join(f"{name} :{port}" for name, port in self._metrics.items())
            addresses.append(("metrics", f"http://127.0.0.1:PORT/metrics  {ports}"))
        addresses.append(("look closer", "stratafold show operation ID, history, status, dead list, verify"))
        addresses.append(("logs", str(self._logs)))
        return addresses

    def _end(self) -> None:
        """Leave nothing behind; a signal only hastens it now."""
        self._stops, end = 0, time.monotonic() + _ALL
        if any(child.pid for child in self._children):
            self._print(f"stopping {', '.join(child.name for child in self._children if child.pid)} …")
        killed = stop(self._children, _CHILDREN, lambda: self._stops > 0)
        for name in killed:
            self._print(f"{name} did not end in time and was killed")
        stopped, left = self._stack.stop(end - time.monotonic()), self._stack.left()
        if left:
            names = " and ".join(name.capitalize() for name in left)
            self._print(
                f"left running: {names}, not started by `up`; `stratafold local down` stops what runs"
            )
        self._print(f"stopped{' ' if stopped else ''}{' and '.join(name.capitalize() for name in stopped)}")

    def _print(self, text: str, *, error: bool = False) -> None:
        with suppress(OSError):  # whoever listened may be gone
            typer.echo(text, err=error)
