"""Fetches a jar from where Maven would: its local repository where that has it, else the central one, through jgo."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from libs.local.errors import LocalStackError
from libs.local.jars import Jar

_TRIES: Final = 3


def fetch(jar: Jar, folder: Path, received: Callable[[int], None]) -> Path:
    """Bring the jar into the folder; `received` is told the bytes as they come. Raises OSError after three tries."""
    local = Path(os.environ.get("M2_REPO") or "~/.m2/repository").expanduser() / jar.path
    if jar.intact(local):
        received(jar.length)
        return Path(shutil.copyfile(local, folder / jar.name))
    for rest in reversed(range(_TRIES)):
        try:
            return _download(jar, folder / str(rest), received)
        except (OSError, RuntimeError) as error:
            # RuntimeError is how jgo says that a repository lacks the file, or that its checksum is another
            if not rest:
                raise OSError(str(error)) from error
            time.sleep(_TRIES - rest)
    raise AssertionError


def _download(jar: Jar, folder: Path, received: Callable[[int], None]) -> Path:
    try:
        from jgo.maven import MavenContext, PythonResolver
    except ImportError:
        raise LocalStackError(
            "the local Kafka's jars are fetched by the package jgo, which is not installed; run `make setup`, "
            "or point STRATAFOLD_KAFKA at a Kafka that runs elsewhere"
        ) from None
    so_far = 0

    @contextmanager
    def progress(name: str, length: int) -> Iterator[Callable[[int], None]]:
        def step(count: int) -> None:
            nonlocal so_far
            so_far += count
            received(count)

        yield step

    context = MavenContext(resolver=PythonResolver(progress_callback=progress), repo_cache=folder, timeout=15)
    try:
        return context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve()
    except BaseException:
        received(-so_far)  # the next try counts anew
        raise
