"""Bearer tokens and API keys: how they are made, and what is kept of them. Pure.

What is kept is a record of the compacted topic ``credentials``: its key is ``token:<sha256>`` or ``api_key:<sha256>``,
its value JSON, a tombstone once revoked. Of a token and of an API key only the SHA-256 is kept; an API key's
secret has to be at hand for HMAC, and is kept encrypted (AES-256-GCM under the master key, bound to its record).
"""

from __future__ import annotations

import hashlib
import re
import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

Kind = Literal["token", "api_key"]

TOKEN: Final[Kind] = "token"  # noqa: S105 - the name of a kind
API_KEY: Final[Kind] = "api_key"
SCOPES: Final = (
    "operations:read",
    "executions:read",
    "strategies:read",
    "agents:read",
    "strategy_versions:read",
    "strategy_versions:create",
    "strategy_versions:execute",
    "strategy_versions:delete",
    "live:read",
    "dead:redrive",
)
ID_DIGITS: Final = 16  # of the SHA-256, that a credential is listed and revoked by
_PREFIXES: Final[dict[Kind, str]] = {TOKEN: "sft_", API_KEY: "sfk_"}
_SECRET_PREFIX: Final = "sfs_"  # noqa: S105 - what a secret begins with, not one
_RANDOM_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_NAME: Final = re.compile(r"[^\x00-\x20\x7f:]{1,200}")


class Damaged(Exception):
    """A record of a credential that can't be read, or not with this master key; the text says which it is."""


@dataclass(frozen=True, slots=True)
class Credential:
    """What is kept of a token or an API key.

    ``owner`` is a token's organization or an API key's account; ``sealed`` is the encrypted secret in base64, empty for
    a token; ``created_at`` is RFC 3339.
    """

    kind: Kind
    sha256: str
    owner: str
    scopes: tuple[str, ...]
    sealed: str
    created_at: str

    @property
    def name(self) -> str:
        """The key of its record."""
        return f"{self.kind}:{self.sha256}"

    @property
    def id(self) -> str:
        """What it is listed and revoked by."""
        return self.sha256[:ID_DIGITS]


def make_token(organization: str, scopes: Iterable[str], created_at: str) -> tuple[str, Credential]:
    """A new token, to be shown once, and what is kept of it. Raises ValueError with what is wrong."""
    _check_name("an organization", organization)
    chosen = tuple(dict.fromkeys(scopes))
    if not chosen:
        raise ValueError("a token needs at least one scope")
    for scope in chosen:
        if scope not in SCOPES:
            raise ValueError(f"{scope!r} is no scope: {', '.join(SCOPES)} are")
    token = _PREFIXES[TOKEN] + secrets.token_urlsafe(_RANDOM_BYTES)
    return token, Credential(TOKEN, sha256(token), organization, chosen, "", created_at)


def make_api_key(account: str, master_key: bytes, created_at: str) -> tuple[str, str, Credential]:
    """A new API key and its secret, to be shown once, and what is kept of them. Raises ValueError."""
    _check_name("an account", account)
    key = _PREFIXES[API_KEY] + secrets.token_hex(16)
    secret = _SECRET_PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
    digest = sha256(key)
    nonce = secrets.token_bytes(_NONCE_BYTES)
    sealed = nonce + AESGCM(master_key).encrypt(nonce, secret.encode(), _bound(digest, account))
    return key, secret, Credential(API_KEY, digest, account, (), b64encode(sealed).decode(), created_at)


def reveal(credential: Credential, master_key: bytes) -> str:
    """An API key's secret. Raises Damaged where the record was altered or sealed under another master key."""
    try:
        sealed = b64decode(credential.sealed, validate=True)
        nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        bound = _bound(credential.sha256, credential.owner)
        return AESGCM(master_key).decrypt(nonce, rest, bound).decode()
    except (InvalidTag, ValueError):
        raise Damaged("the secret of an API key was sealed under another master key") from None


def sha256(text: str) -> str:
    """What is kept of a token or an API key: lower-case hex. Never raises."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def record(credential: Credential) -> tuple[bytes, bytes]:
    """Key and value of a credential's record."""
    owner = "organization" if credential.kind == TOKEN else "account"
    kept = {"kind": credential.kind, "sha256": credential.sha256, owner: credential.owner}
    own = {"scopes": credential.scopes} if credential.kind == TOKEN else {"secret": credential.sealed}
    return credential.name.encode(), orjson.dumps({**kept, **own, "created_at": credential.created_at})


def restore(value: bytes) -> Credential:
    """The credential that a record's value was made from. Raises Damaged."""
    try:
        kept = orjson.loads(value)
        kind: Kind = TOKEN if kept["kind"] == TOKEN else API_KEY
        owner = kept["organization" if kind == TOKEN else "account"]
        sealed = "" if kind == TOKEN else kept["secret"]
        scopes = tuple(kept["scopes"]) if kind == TOKEN else ()
        return Credential(kind, kept["sha256"], owner, scopes, sealed, kept["created_at"])
    except (ValueError, KeyError, TypeError):
        raise Damaged("a record of the topic credentials is none that this program wrote") from None


def _bound(digest: str, account: str) -> bytes:
    """What a sealed secret belongs to, so that it is worth nothing in another record."""
    return f"{API_KEY}:{digest}:{account}".encode()


def _check_name(what: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{what} has 1 to 200 characters, no white space and no colon")
