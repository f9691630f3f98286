"""Two bodies are the same fact if they are JSON-equal: the order of keys, white space and escapes aside."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from libs.ledger.digest import SIZE, digest, holds
from libs.ledger.reading import read, read_exactly

_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
_documents = st.dictionaries(st.text(), _json, max_size=5)


def _shuffled(rng: Random, value: Any) -> Any:
    if isinstance(value, dict):
        names = list(value)
        rng.shuffle(names)
        return {name: _shuffled(rng, value[name]) for name in names}
    return [_shuffled(rng, one) for one in value] if isinstance(value, list) else value


@given(_documents, st.randoms(use_true_random=False))
def test_key_order_white_space_and_escapes_do_not_matter(document: dict[str, Any], rng: Random) -> None:
    """At any depth; read either way."""
    plain = json.dumps(document, ensure_ascii=False).encode()
    other = json.dumps(_shuffled(rng, document), ensure_ascii=True, indent=3).replace("/", "\\/").encode()
    assert digest(read(plain)) == digest(read(other))
    assert digest(read_exactly(plain)) == digest(read_exactly(other))


@given(_documents, _documents)
def test_different_documents_have_different_digests(one: dict[str, Any], other: dict[str, Any]) -> None:
    """The order of an array matters, a missing field is no null, a number no string."""
    a, b = (json.dumps(document, sort_keys=True) for document in (one, other))
    assert (digest(read(a.encode())) == digest(read(b.encode()))) == (a == b)


def test_what_looks_alike_and_is_not_the_same() -> None:
    """Case, Unicode composition, null against absent, numbers against strings, digits of a decimal string."""
    alike = [
        b'{"a":"x"}',
        b'{"a":"X"}',
        b'{"A":"x"}',
        b'{"a":null}',
        b"{}",
        b'{"a":1}',
        b'{"a":"1"}',
        b'{"a":"1.0"}',
    ]
    alike += [
        b'{"a":"\xc3\xa9"}',
        b'{"a":"e\xcc\x81"}',
        b'{"a":[]}',
        b'{"a":{}}',
        b'{"a":["x"]}',
        b'{"a":[["x"]]}',
    ]
    assert len({digest(read(value)) for value in alike}) == len(alike)


@given(st.lists(st.binary(min_size=SIZE, max_size=SIZE), max_size=6), st.binary(min_size=SIZE, max_size=SIZE))
def test_a_digest_is_found_only_where_one_was_put(kept: list[bytes], one: bytes) -> None:
    """Never across the border of two others."""
    joined = b"".join(kept)
    assert holds(joined, one) == (one in kept)
    for at in range(len(joined) - SIZE + 1):
        piece = joined[at : at + SIZE]
        assert holds(joined, piece) == (piece in kept)
