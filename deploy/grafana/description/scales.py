"""How the values of a panel are shown: unit, bounds, decimals, and from which value on in which colour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import (
    FieldColor,
    FieldColorModeId,
    FieldConfig,
    Threshold,
    ThresholdsConfig,
    ThresholdsMode,
)

GREEN: Final = "green"
ORANGE: Final = "orange"
RED: Final = "red"
YELLOW: Final = "yellow"
BLUE: Final = "blue"
GREY: Final = "text"


@dataclass(frozen=True, slots=True)
class Scale:
    """How values are shown: the unit (Grafana's id), and the colours from which value on, beside the first one."""

    unit: str
    first: str = GREEN
    steps: tuple[tuple[float, str], ...] = ()
    least: float | None = 0
    most: float | None = None
    decimals: int | None = None

    def config(self, plain: FieldColor, custom: object = None) -> FieldConfig:
        """As a panel's defaults; ``plain`` is the colour where there are no steps."""
        steps = [Threshold(None, self.first), *(Threshold(value, color) for value, color in self.steps)]
        return FieldConfig(
            unit=self.unit,
            min_val=self.least,
            max_val=self.most,
            decimals=self.decimals,
            thresholds=ThresholdsConfig(ThresholdsMode.ABSOLUTE, steps),
            color=FieldColor(FieldColorModeId.THRESHOLDS) if self.steps else plain,
            custom=custom,
        )


def fixed(color: str) -> FieldColor:
    """One colour, whatever the value."""
    return FieldColor(FieldColorModeId.FIXED, color)


COUNT: Final = Scale(units.Short, GREY, decimals=0)
NONE_IS_GOOD: Final = Scale(units.Short, GREEN, ((1, ORANGE),), decimals=0)
INPUTS: Final = Scale("suffix:inputs/s", GREY)
SHARE: Final = Scale(units.PercentUnit, GREY, decimals=1)
MONEY: Final = Scale(units.LocaleFormat, GREY, decimals=2, least=None)
DURATION: Final = Scale(units.Milliseconds, GREY)

OUTCOMES: Final = {
    "settled": GREEN,
    "skipped": GREY,
    "failed": RED,
    "rejected": RED,
    "all_rejected": RED,
    "all_skipped": GREY,
    "partial_success": ORANGE,
    "deployed": GREEN,
    "paused": ORANGE,
    "error": RED,
    "COMPLETE": GREEN,
    "CANCELLED": GREY,
    "FAILED": RED,
}
"""The colours of statuses and reasons, the same on every panel; the others are plain."""
