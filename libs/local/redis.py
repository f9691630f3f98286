"""A Redis-compatible server: its settings, its command line, how to see that it answers."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final

from libs.local.ports import HOST
from libs.local.process import Program, Server

# The append-only file, flushed every second: a crash loses at most a second, which the workers fold again from the log
# in no time; written anew only when it is worth the while, and then without compression, which costs more than it
# spares. Snapshots would spare about 20 µs an input, but a crash would leave minutes of the log to fold again.
_SETTINGS: Final = """\
bind {host}
port {port}
dir "{folder}"
daemonize no
set-proc-title no
save ""
appendonly yes
appendfsync everysec
auto-aof-rewrite-min-size 256mb
rdbcompression no
maxmemory-policy noeviction
loglevel notice
"""


def redis(data: Path, port: int, server: Callable[[], Path]) -> Server:
    """A Redis that keeps its append-only file in `data`/redis and listens on loopback.

    `server`, the program, is asked for at each start.
    """
    folder = data / "redis"

    def prepare() -> list[str]:
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "redis.conf"
        quoted = str(folder).replace("\\", "\\\\").replace('"', '\\"')
        file.write_text(_SETTINGS.format(host=HOST, port=port, folder=quoted))
        return [str(server()), str(file)]

    program = Program(
        "redis", port, "STRATAFOLD_LOCAL_REDIS_PORT", prepare, lambda: answers(port), stop_seconds=15
    )
    return Server(program, data)


def answers(port: int) -> bool:
    """Whether the server takes commands on the port: it answers PING, and is not still loading its data."""
    try:
        with socket.create_connection((HOST, port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(7) == b"+PONG\r\n"
    except OSError:
        return False
