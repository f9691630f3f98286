"""Who may see what: credentials out of a request's headers, judged before anything is read."""

from __future__ import annotations

import ipaddress
from http import HTTPStatus
from typing import Final

from starlette.requests import HTTPConnection

from services.api.authentication import Authenticator, Grant, Refused
from services.api.refusals import Refusal, unavailable

STRATEGIES: Final = "strategies:read"
AGENTS: Final = "agents:read"
_REALM: Final = 'Bearer realm="stratafold"'
_FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-real-ip")


async def account(request: HTTPConnection, method: str, authenticator: Authenticator) -> str:
    """The account that a request speaks for: of its API key, or its token's organization. Raises Refusal."""
    headers = request.headers
    if "x-api-key" in headers:
        path = request.scope.get("raw_path") or request.scope["path"].encode()
        try:
            return await authenticator.api_key(
                headers["x-api-key"],
                headers.get("x-timestamp"),
                headers.get("x-signature"),
                method,
                path.decode("latin-1"),
            )
        except Refused as refused:
            raise _refusal(refused) from None
    return (await granted(request, STRATEGIES, authenticator)).organization


async def granted(request: HTTPConnection, scope: str, authenticator: Authenticator) -> Grant:
    """What a request's bearer token stands for, the scope among it. Raises Refusal: 401, 403, 503."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise _unauthorized("this needs a bearer token", _REALM)
    try:
        grant = await authenticator.bearer(token.strip())
    except Refused as refused:
        raise _refusal(refused) from None
    if scope not in grant.scopes:
        challenge = f'{_REALM}, error="insufficient_scope", scope="{scope}"'
        raise Refusal(
            HTTPStatus.FORBIDDEN,
            f"the token lacks the scope {scope}",
            headers={"WWW-Authenticate": challenge},
        )
    return grant


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


async def agents(request: HTTPConnection, authenticator: Authenticator) -> None:
    """Let in who comes from this machine or has a token with the scope for agents (002). Raises Refusal."""
    if not local(request):
        await granted(request, AGENTS, authenticator)


def _refusal(refused: Refused) -> Refusal:
    if refused.unavailable:
        return unavailable(refused.reason)
    return _unauthorized(refused.reason, f'{_REALM}, error="invalid_token"')


def _unauthorized(reason: str, challenge: str) -> Refusal:
    return Refusal(HTTPStatus.UNAUTHORIZED, reason, headers={"WWW-Authenticate": challenge})
