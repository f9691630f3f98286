"""Who may listen: what the authenticator says, as the handshake or a close code tells it."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Protocol
from urllib.parse import parse_qs

from starlette.requests import HTTPConnection
from starlette.types import Scope

from services.api.access import local

AGENTS_SCOPE: Final = "agents:read"
_SIGNED: Final = ("api_key", "timestamp", "signature")
_CHALLENGE: Final = {"WWW-Authenticate": "Bearer"}


class Grant(Protocol):
    """What a bearer token stands for."""

    @property
    def scopes(self) -> Set[str]:
        """What it allows."""


class Authenticator(Protocol):
    """Judges credentials; raises what it refuses with, which may say ``unavailable``."""

    async def api_key(self, key: object, timestamp: object, signature: object, method: str, path: str) -> str:
        """The account; each signature is good once."""

    async def bearer(self, token: object) -> Grant:
        """What a token stands for."""


@dataclass(eq=False)  # not frozen: what passes an exception on writes its traceback
class Unwelcome(Exception):
    """Not let in; ``status`` is for a handshake."""

    status: HTTPStatus
    reason: str
    headers: Mapping[str, str]

    @property
    def unavailable(self) -> bool:
        """Whether that can't be said now, and the client may come again."""
        return self.status is HTTPStatus.SERVICE_UNAVAILABLE


@dataclass(frozen=True, slots=True)
class Door:
    """Lets in by an authenticator; ``refused`` is the exception that it refuses with."""

    authenticator: Authenticator
    refused: type[Exception]

    async def account(self, key: object, timestamp: object, signature: object, path: str) -> str:
        """The account that signed. Raises Unwelcome."""
        try:
            return await self.authenticator.api_key(key, timestamp, signature, "GET", path)
        except self.refused as why:
            raise _unwelcome(why, _CHALLENGE) from None

    async def signed_url(self, scope: Scope) -> str | None:
        """The account that signed the URL, None where the URL is not signed. Raises Unwelcome."""
        query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = [query.get(name, []) for name in _SIGNED]
        if not any(given):
            return None
        if any(len(values) != 1 for values in given):
            reason = "a signed URL has api_key, timestamp and signature, each once"
            raise Unwelcome(HTTPStatus.UNAUTHORIZED, reason, _CHALLENGE)
        return await self.account(given[0][0], given[1][0], given[2][0], scope["path"])

    async def agents(self, scope: Scope) -> None:
        """Open on loopback; elsewhere a bearer token with the scope. Raises Unwelcome."""
        if local(HTTPConnection(scope)):
            return
        headers = {name.lower(): value for name, value in scope["headers"]}
        kind, _, token = headers.get(b"authorization", b"").decode("latin-1").strip().partition(" ")
        if kind.lower() != "bearer" or not token:
            reason = "elsewhere than on this machine a bearer token is needed"
            raise Unwelcome(HTTPStatus.UNAUTHORIZED, reason, _CHALLENGE)
        try:
            grant = await self.authenticator.bearer(token.strip())
        except self.refused as why:
            raise _unwelcome(why, _CHALLENGE) from None
        if AGENTS_SCOPE not in grant.scopes:
            raise Unwelcome(HTTPStatus.FORBIDDEN, f"the token lacks the scope {AGENTS_SCOPE}", {})


def _unwelcome(why: Exception, headers: Mapping[str, str]) -> Unwelcome:
    if getattr(why, "unavailable", False):
        return Unwelcome(HTTPStatus.SERVICE_UNAVAILABLE, str(why), {"Retry-After": "5"})
    return Unwelcome(HTTPStatus.UNAUTHORIZED, str(why), headers)
