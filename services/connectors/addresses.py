"""What a stream's URL says: its path, where the upstream's REST is, whose stream it is. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, quote, unquote, urlsplit

CURRENT: Final = "current"
_STREAM: Final = re.compile(r"(?P<before>.*)/agents/(?P<agent>[^/]+)/stream/?")
_REST: Final = {"ws": "http", "wss": "https"}
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


class WrongAddress(ValueError):
    """A URL that is none of a stream; the text is one line for the user."""


@dataclass(frozen=True, slots=True)
class Address:
    """A stream's URL; ``path`` is what is signed, ``rest`` the root of the upstream's REST."""

    url: str
    path: str
    rest: str
    loopback: bool


@dataclass(frozen=True, slots=True)
class AgentAddress:
    """Where an agent's stream is, and who it is; ``agent`` may be ``current``."""

    stream: Address
    agent: str
    before: str
    """What stands before ``/agents`` in the path, where the upstream is behind a prefix."""

    def rest(self, agent: str, what: str = "") -> str:
        """The REST address of an agent, or of one of its lists, such as ``equity``."""
        tail = f"/{what}" if what else ""
        return f"{self.stream.rest}{self.before}/agents/{quote(agent, safe='')}{tail}"

    def of(self, agent: str) -> str:
        """The stream of a certain agent."""
        scheme = urlsplit(self.stream.url).scheme
        root = self.stream.rest.partition("://")[2]
        return f"{scheme}://{root}{self.before}/agents/{quote(agent, safe='')}/stream"


def address(url: str) -> Address:
    """Read a stream's URL. Raises WrongAddress."""
    parts = _split(url)
    path = parts.path or "/"
    rest = f"{_REST[parts.scheme]}://{parts.netloc}"
    return Address(parts._replace(path=path, fragment="").geturl(), path, rest, parts.hostname in _LOOPBACK)


def agent_address(url: str) -> AgentAddress:
    """Read the URL of an agent's stream. Raises WrongAddress."""
    stream = address(url)
    found = _STREAM.fullmatch(stream.path)
    if found is None:
        raise WrongAddress("--url: must end in /agents/<id>/stream, or /agents/current/stream")
    return AgentAddress(stream, unquote(found["agent"]), found["before"])


def strategy_path(strategy_id: str) -> str:
    """The path of Get Strategy, as it is sent and signed."""
    return f"/api/v1/strategies/{quote(strategy_id, safe='')}"


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        sound = parts.scheme in _REST and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound or any(character.isspace() for character in url):
        raise WrongAddress("--url: must be a URL such as ws://127.0.0.1:8000/v1/ws (or wss://)")
    if parts.username is not None or parts.password is not None:
        raise WrongAddress("--url: must not have a user or password; see STRATAFOLD_UPSTREAM_API_KEY")
    return parts
