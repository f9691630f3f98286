"""The broker's jars: which they are (`kafka.jars`), which of them the user's cache has intact, fetching the others."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from libs.local.errors import LocalStackError

MANIFEST: Final = Path(__file__).with_name("kafka.jars")
_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True)
class Jar:
    """A jar by its Maven coordinates, with its length in bytes and the SHA-256 of its content in hex."""

    group: str
    artifact: str
    version: str
    length: int
    sha256: str

    @property
    def name(self) -> str:
        """Its file name in the cache and in a Maven repository."""
        return f"{self.artifact}-{self.version}.jar"

    @property
    def path(self) -> Path:
        """Where a Maven repository has it."""
        return Path(*self.group.split("."), self.artifact, self.version, self.name)

    def intact(self, file: Path) -> bool:
        """Whether the file is this jar, byte for byte."""
        try:
            with file.open("rb") as content:
                return hashlib.file_digest(content, "sha256").hexdigest() == self.sha256
        except OSError:
            return False


Fetch = Callable[[Jar, Path, Callable[[int], None]], Path]
"""Brings a jar into a folder of its own, says how many bytes each step brought, returns the file. Raises OSError."""


def manifest(file: Path = MANIFEST) -> tuple[Jar, ...]:
    """The jars of the broker's class path, in the manifest's order."""
    jars = []
    for line in file.read_text().splitlines():
        if line and not line.startswith("#"):
            coordinates, length, sha256 = line.split()
            group, artifact, version = coordinates.split(":")
            jars.append(Jar(group, artifact, version, int(length), sha256))
    return tuple(jars)


def cache_folder() -> Path:
    """The user's cache folder, which every stack of the user shares."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "stratafold" / "jars"


def missing(jars: tuple[Jar, ...], cache: Path) -> tuple[Jar, ...]:
    """The jars that the cache lacks or has damaged."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        intact = pool.map(lambda jar: jar.intact(cache / jar.name), jars)
        return tuple(jar for jar, is_intact in zip(jars, intact, strict=True) if not is_intact)


def bring(jars: tuple[Jar, ...], cache: Path, fetch: Fetch, received: Callable[[int], None]) -> None:
    """Fetch the jars into the cache, several at once; each appears there whole and checked, or not at all.

    Raises LocalStackError where one can't be had or is not what the manifest says.
    """
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LocalStackError(
            f"the cache folder {cache} can't be made ({error.strerror}): set XDG_CACHE_HOME to another folder"
        ) from None

    def one(jar: Jar) -> None:
        with tempfile.TemporaryDirectory(dir=cache, prefix=".fetching-") as own:
            try:
                file = fetch(jar, Path(own), received)
            except OSError as error:
                raise LocalStackError(
                    f"{jar.name}, a part of the local Kafka, can't be fetched ({_short(error)}): look at the network "
                    f"or its proxy and try again, put the file into {cache}, or set STRATAFOLD_KAFKA to another Kafka"
                ) from error
            if not jar.intact(file):
                raise LocalStackError(
                    f"{jar.name}, a part of the local Kafka, came with another content than it should have; "
                    "it was thrown away: try again, on a network that leaves downloads as they are"
                )
            file.replace(cache / jar.name)

    pool = ThreadPoolExecutor(_AT_ONCE)
    try:
        for _ in pool.map(one, jars):
            pass
    finally:
        pool.shutdown(cancel_futures=True)


def _short(error: BaseException) -> str:
    """What went wrong at the bottom of it: the errors above only wrap it, addresses and all."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return str(error).splitlines()[0][:120] if str(error) else type(error).__name__
