"""What a Redis grants a user, asked of the server itself: of every command it has, and key by key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from redis.asyncio import Redis

_REFUSED: Final = b"has no permissions to run"
_CONNECTED: Final = "connected"  # a user who may do what those of any connection may, and no more


async def granted(admin: Redis, user: str) -> frozenset[str]:
    """The commands that the user may run; of one with words of its own, each as `script|load`."""
    commands = await _commands(admin)
    tried = {name: _long(name.split("|"), arity) for name, arity in commands.items()}
    answers = await _dry(admin, user, tried.values())
    return frozenset(name for name, said in zip(tried, answers, strict=True) if _REFUSED not in said)


async def granted_to_anybody(admin: Redis) -> frozenset[str]:
    """What a connection needs itself: `AUTH`, `PING` and their like."""
    rules = ["on", "nopass", "-@all", "+@connection", "-@admin", "-@dangerous"]
    await admin.execute_command("ACL SETUSER", _CONNECTED, *rules)  # type: ignore[no-untyped-call]
    try:
        return await granted(admin, _CONNECTED)
    finally:
        await admin.acl_deluser(_CONNECTED)


async def touched(
    admin: Redis, user: str, commands: Iterable[str], keys: Mapping[str, str]
) -> dict[str, frozenset[str]]:
    """By command, the kinds of ``keys`` that the user may name in it; without those that name no key."""
    found = {}
    for command in commands:
        if not (words := await _naming(admin, command, "KEY")):
            continue
        tried = [[key if word == "KEY" else word for word in words] for key in keys.values()]
        answers = await _dry(admin, user, tried)
        found[command] = frozenset(kind for kind, said in zip(keys, answers, strict=True) if said == b"OK")
    return found


async def only_reads(admin: Redis, command: str) -> bool:
    """Whether it writes nothing, as the server says; a script may do anything."""
    return "readonly" in (await admin.command())[command]["flags"]


async def _naming(admin: Redis, command: str, key: str) -> list[str]:
    """The command with one key, none where it takes no key."""
    if command in ("eval", "evalsha"):
        return [command, "script", "1", key]
    told: Mapping[str, Any] = (await admin.command()).get(command, {})
    if told.get("first_key_pos") != 1:
        return []
    return _long([command, key], told["arity"])


def _long(words: list[str], arity: int) -> list[str]:
    """With as many words as the command takes at the least."""
    return [*words, *["1"] * (abs(arity) - len(words))]


async def _commands(admin: Redis) -> dict[str, int]:
    """Every command with how many words it takes, its own among them."""
    found: dict[str, int] = {}
    for name, told in (await admin.command()).items():
        inner: Sequence[Any] = told.get("subcommands", ())
        found |= {one[0].decode(): one[1] for one in inner}
        if not inner:
            found[name] = told["arity"]
    return found


async def _dry(admin: Redis, user: str, several: Iterable[Sequence[str]]) -> list[bytes]:
    async with admin.pipeline(transaction=False) as asking:
        for words in several:
            asking.execute_command("ACL DRYRUN", user, *words)
        answers: list[bytes] = await asking.execute()
    return answers
