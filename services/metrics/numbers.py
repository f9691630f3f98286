"""Numbers as the decimal text that charts read. Pure."""

from __future__ import annotations

from typing import Final

_UNITS: Final = 10**18
_DECIMALS: Final = 18


def number(value: float) -> str:
    """A count as it is; anything else with at most three decimals, and none that say nothing."""
    if isinstance(value, int):
        return str(value)
    return f"{value:.3f}".rstrip("0").rstrip(".") if value else "0"


def from_e18(units: int) -> str:
    """An exact decimal from so many units of 10^-18."""
    whole, rest = divmod(abs(units), _UNITS)
    fraction = f"{rest:0{_DECIMALS}d}".rstrip("0")
    return f"{'-' if units < 0 else ''}{whole}{'.' if fraction else ''}{fraction}"
