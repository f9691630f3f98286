"""`stratafold token` and `stratafold api-key`: create, list and revoke what clients of the API show."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from libs.contracts.names import Names
from libs.settings import Settings, load
from services.cli.failures import NOT_FOUND, Failure

if TYPE_CHECKING:
    from libs.runtime.credentials import Credentials
    from libs.security.credentials import Credential, Kind

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Which = Annotated[str, typer.Argument(metavar="ID", help="Its id, as list prints it, or itself.")]


def register(app: typer.Typer) -> None:
    """Add the groups `token` and `api-key`."""
    tokens = typer.Typer(no_args_is_help=True, help="Bearer tokens, each with an organization and scopes.")
    tokens.command("create")(create_token)
    tokens.command("list")(list_tokens)
    tokens.command("revoke")(revoke_token)
    app.add_typer(tokens, name="token")
    keys = typer.Typer(no_args_is_help=True, help="API keys, each with a secret that signs for an account.")
    keys.command("create")(create_api_key)
    keys.command("list")(list_api_keys)
    keys.command("revoke")(revoke_api_key)
    app.add_typer(keys, name="api-key")


def create_token(
    organization: Annotated[str, typer.Option("--organization", metavar="ORG", help="Whom it stands for.")],
    scope: Annotated[
        list[str], typer.Option("--scope", metavar="S…", help="What it may do, such as agents:read.")
    ],
    more: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
    as_json: Json = False,
) -> None:
    """Make a token and print it: it is shown this once, for only its SHA-256 is kept."""
    from libs.security.credentials import make_token

    settings = load()
    scopes = [name for word in [*scope, *(more or ())] for name in word.split(",") if name]
    try:
        token, credential = make_token(organization, scopes, _now())
    except ValueError as wrong:
        raise Failure(str(wrong)) from None
    _keep(settings, credential)
    typer.echo(json.dumps({"token": token}) if as_json else f"token: {token}")


def create_api_key(
    account: Annotated[str, typer.Option("--account", metavar="A", help="The account that it signs for.")],
    as_json: Json = False,
) -> None:
    """Make an API key with its secret and print both: they are shown this once.

    Ends with status 2 where there is no STRATAFOLD_MASTER_KEY to encrypt the secret under.
    """
    from libs.security.credentials import make_api_key
    from libs.security.master_key import master_key

    settings = load()
    master = master_key(settings)
    try:
        key, secret, credential = make_api_key(account, master, _now())
    except ValueError as wrong:
        raise Failure(str(wrong)) from None
    _keep(settings, credential)
    if as_json:
        typer.echo(json.dumps({"api_key": key, "secret": secret}))
    else:
        typer.echo(f"api_key: {key}\nsecret: {secret}")


def list_tokens(as_json: Json = False) -> None:
    """List the tokens that are not revoked, by their ids: the tokens themselves are not kept."""
    _list("token", as_json)


def list_api_keys(as_json: Json = False) -> None:
    """List the API keys that are not revoked, by their ids: the keys themselves are not kept."""
    _list("api_key", as_json)


def revoke_token(which: Which, as_json: Json = False) -> None:
    """Revoke a token. Ends with status 1 where there is none such."""
    _revoke("token", which, as_json)


def revoke_api_key(which: Which, as_json: Json = False) -> None:
    """Revoke an API key. Ends with status 1 where there is none such."""
    _revoke("api_key", which, as_json)


def _list(kind: Kind, as_json: bool) -> None:
    from services.cli import clients

    settings = load()
    found = [_shown(one) for one in clients.run(_all(settings), settings) if one.kind == kind]
    if as_json:
        typer.echo(json.dumps(found))
        return
    for one in found:
        typer.echo("  ".join(" ".join(value) if isinstance(value, list) else value for value in one.values()))
    if not found:
        typer.echo(f"there are no {_spoken(kind)}s")


def _shown(one: Credential) -> dict[str, Any]:
    if one.kind == "token":
        own: dict[str, Any] = {"organization": one.owner, "scopes": list(one.scopes)}
    else:
        own = {"account": one.owner}
    return {"id": one.id, **own, "created_at": one.created_at}


def _revoke(kind: Kind, which: str, as_json: bool) -> None:
    from libs.security.credentials import sha256
    from services.cli import clients

    settings = load()
    digest = sha256(which)
    for one in clients.run(_all(settings), settings):
        if one.kind == kind and (one.sha256 == digest or which in (one.id, one.sha256)):
            clients.run(_write(settings, one, revoked=True), settings)
            typer.echo(json.dumps({"revoked": one.id}) if as_json else f"revoked {one.id}")
            return
    # what was typed may be the secret part itself, so it is not repeated
    raise Failure(f"there is no such {_spoken(kind)}: stratafold {kind.replace('_', '-')} list", NOT_FOUND)


def _spoken(kind: Kind) -> str:
    return "token" if kind == "token" else "API key"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _keep(settings: Settings, credential: Credential) -> None:
    from services.cli import clients

    clients.run(_write(settings, credential, revoked=False), settings)


async def _write(settings: Settings, credential: Credential, *, revoked: bool) -> None:
    from redis.exceptions import RedisError

    from services.cli.clients import open_producer

    async with _credentials(settings) as credentials:
        async with open_producer(settings) as producer:
            await (credentials.revoke if revoked else credentials.keep)(producer, credential)
        try:
            async with credentials.open() as reader:
                await credentials.refresh(reader)
        except (RedisError, OSError):
            # it stands in Kafka, and the API brings it to Redis as soon as there is one
            typer.echo("stratafold: Redis does not answer; the API will know once it does", err=True)


async def _all(settings: Settings) -> list[Credential]:
    async with _credentials(settings) as credentials, credentials.open() as reader:
        await credentials.refresh(reader)
        return await credentials.all()


@asynccontextmanager
async def _credentials(settings: Settings) -> AsyncIterator[Credentials]:
    """The credentials of a Kafka that answered, with their topic. Raises Failure."""
    from libs.runtime.credentials import Credentials
    from libs.runtime.kafka_access import KafkaAccess
    from libs.runtime.topics import WrongTopic, create_credentials
    from libs.views.credentials import CredentialCache
    from services.cli.clients import check_kafka, make_redis

    names = Names(settings.namespace)
    await check_kafka(settings)
    if settings.create_topics:
        try:
            await create_credentials(KafkaAccess.of(settings), names, settings.replication)
        except WrongTopic as wrong:
            raise Failure(str(wrong)) from None
    redis = make_redis(settings)
    try:
        yield Credentials(CredentialCache(redis, names), KafkaAccess.of(settings), names)
    finally:
        await redis.aclose()
