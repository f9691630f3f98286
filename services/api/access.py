"""Who may see what: credentials out of a request's headers, judged before anything is read."""

from __future__ import annotations

import ipaddress
from http import HTTPStatus
from typing import Final

from starlette.requests import HTTPConnection, Request

from services.api.authentication import Authenticator, Grant, Refused
from services.api.rate import Rate
from services.api.refusals import Refusal, unavailable

STRATEGIES: Final = "strategies:read"
AGENTS: Final = "agents:read"
LIVE: Final = "live:read"
REDRIVE: Final = "dead:redrive"
_REALM: Final = 'Bearer realm="stratafold"'
_FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-real-ip")


class Access:
    """Judges requests: whom they speak for, what that may see, and how often."""

    def __init__(self, authenticator: Authenticator, rate: Rate) -> None:
        self._authenticator = authenticator
        self._rate = rate

    async def account(self, request: Request) -> str:
        """The account that a request speaks for: of its API key, or its token's organization. Raises Refusal."""
        headers = request.headers
        if "x-api-key" not in headers:
            return (await self.granted(request, STRATEGIES)).organization
        path = request.scope.get("raw_path") or request.scope["path"].encode()
        try:
            return await self._authenticator.api_key(
                headers["x-api-key"],
                headers.get("x-timestamp"),
                headers.get("x-signature"),
                request.method,
                path.decode("latin-1"),
            )
        except Refused as refused:
            raise _refusal(refused) from None

    async def granted(self, request: Request, *scopes: str) -> Grant:
        """What a request's bearer token stands for, the scopes among it. Raises Refusal: 401, 403, 429, 503."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer":
            raise _unauthorized("this needs a bearer token", _REALM)
        try:
            grant = await self._authenticator.bearer(token)
        except Refused as refused:
            raise _refusal(refused) from None
        await self._rate.count(token)
        lacking = [scope for scope in scopes if scope not in grant.scopes]
        if lacking:
            challenge = f'{_REALM}, error="insufficient_scope", scope="{" ".join(scopes)}"'
            raise Refusal(
                HTTPStatus.FORBIDDEN,
                f"the token lacks the scope {' and '.join(lacking)}",
                headers={"WWW-Authenticate": challenge},
            )
        return grant

    async def agents(self, request: Request) -> None:
        """Let in who comes from this machine or has a token with the scope for agents (002). Raises Refusal."""
        if not local(request):
            await self.granted(request, AGENTS)

    async def live(self, request: Request) -> None:
        """Let in who opened the page on this machine, or has a token with its scope: it shows all organizations.

        Somebody else's page in a browser on this machine does not speak for whoever sits there. Raises Refusal.
        """
        if not (local(request) and _named_local(request) and _by_itself(request)):
            await self.granted(request, LIVE)


def local(request: HTTPConnection) -> bool:
    """Whether a request comes from this machine, and not from elsewhere through a proxy on it."""
    if request.client is None or any(name in request.headers for name in _FORWARDED):
        return False
    try:
        address = ipaddress.ip_address(request.client.host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)  # how a socket for both kinds shows an IPv4 client
    return (mapped or address).is_loopback


def _named_local(request: HTTPConnection) -> bool:
    """Whether the client called us by a name or an address that can't be another machine's: names can be led here."""
    try:
        host = request.url.hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _by_itself(request: HTTPConnection) -> bool:
    """Whether no page of another origin asks; only browsers say who does."""
    return request.headers.get("sec-fetch-site", "none") in ("none", "same-origin")


def _refusal(refused: Refused) -> Refusal:
    if refused.unavailable:
        return unavailable(refused.reason)
    return _unauthorized(refused.reason, f'{_REALM}, error="invalid_token"')


def _unauthorized(reason: str, challenge: str) -> Refusal:
    return Refusal(HTTPStatus.UNAUTHORIZED, reason, headers={"WWW-Authenticate": challenge})
