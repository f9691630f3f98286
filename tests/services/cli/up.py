"""`stratafold up` as a running process, as a person starts it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import psutil

from libs.local.ports import free_port
from tests.services.cli.command import COMMAND, ROOT, environment


def own_settings(data: Path) -> dict[str, str]:
    """Settings of a local stack that shares nothing with another: its folder, its ports."""
    ports: list[int] = []
    for _ in range(4):
        ports.append(free_port(*ports))
    names = ("LOCAL_KAFKA_PORT", "LOCAL_REDIS_PORT", "GATEWAY_PORT", "API_PORT")
    return {"STRATAFOLD_DATA": str(data), "STRATAFOLD_PARTITIONS": "2"} | {
        f"STRATAFOLD_{name}": str(port) for name, port in zip(names, ports, strict=True)
    }


class Up:
    """A running `up`; ``out`` holds what it printed."""

    def __init__(self, settings: dict[str, str], out: Path, *words: str) -> None:
        self._out = out
        with out.open("wb") as file:
            self.process = subprocess.Popen(
                [*COMMAND, "up", *words],
                cwd=ROOT,
                env=environment(settings),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        """What it printed so far."""
        return self._out.read_text()

    def family(self) -> list[psutil.Process]:
        """All processes that it started and that run now."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def child(self, package: str) -> psutil.Process | None:
        """Its process that runs a package."""
        found = [one for one in self.family() if package in one.cmdline()]
        return found[0] if found else None

    def end(self) -> None:
        """Leave nothing behind, whatever the test did."""
        if self.process.poll() is None:
            family = self.family()
            self.process.kill()
            for one in family:
                one.kill()
            self.process.wait(10)
