"""An HTTP server as our processes run it: its socket bound before anything else, and signals left to the process."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable, Generator
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp

from libs.settings import PREFIX, SettingsError

_BACKLOG: Final = 2_048
_LAST_ANSWERS: Final = 8  # seconds for requests in hand once told to stop


class Server(uvicorn.Server):
    """Leaves signals to us: uvicorn would raise them again and so end the process before Kafka is let go of."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Capture none."""
        yield


def server(app: ASGIApp, **more: Any) -> Server:
    """A server for the app; ``more`` are settings of uvicorn's beside ours, or instead of them."""
    settings: dict[str, Any] = {
        "http": "httptools",
        "ws": "none",
        "lifespan": "off",
        "access_log": False,
        "log_config": None,
        "server_header": False,
        "proxy_headers": False,
        "timeout_keep_alive": 75,
        "timeout_graceful_shutdown": _LAST_ANSWERS,
    }
    return Server(uvicorn.Config(app, **{**settings, **more}))


def listen(port: int, setting: str) -> socket.socket:
    """A socket on all interfaces, IPv6 and IPv4 where there are both. Raises SettingsError, which names the setting."""
    dual = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if dual else socket.AF_INET
    try:
        return socket.create_server(("", port), family=family, backlog=_BACKLOG, dualstack_ipv6=dual)
    except OSError as error:
        reason = "is in use" if error.errno == errno.EADDRINUSE else f"can't be listened on: {error.strerror}"
        raise SettingsError(f"{PREFIX}{setting.upper()}: port {port} {reason}") from None


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's, where there is one."""
    return uvicorn.Config("", loop="auto", log_config=None).get_loop_factory()
