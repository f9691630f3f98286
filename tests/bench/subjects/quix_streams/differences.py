"""Where a claim says otherwise than what stands, as JSON Pointers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

_MOST: Final = 20
_ABSENT: Final = object()


def differing(stands: bytes, claimed: bytes) -> list[str]:
    """Between two JSON documents, in the claim's order; numbers are as they are written."""
    return list(islice(_pointers("", _parse(stands), _parse(claimed)), _MOST))


def _parse(document: bytes) -> Any:
    return json.loads(document, parse_int=_number, parse_float=_number)


def _number(digits: str) -> tuple[str, str]:
    return ("number", digits)  # no string is equal to it


def _pointers(path: str, one: Any, other: Any) -> Iterator[str]:
    if one == other:
        return
    if isinstance(one, dict) and isinstance(other, dict):
        for name in dict.fromkeys((*other, *one)):
            step = name.replace("~", "~0").replace("/", "~1")
            yield from _pointers(f"{path}/{step}", one.get(name, _ABSENT), other.get(name, _ABSENT))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from _pointers(f"{path}/{index}", left, right)
    else:
        yield path
