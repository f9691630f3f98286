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
    of_the_most: bool = False
    """The steps are per cent of the greatest value on the panel."""

    def config(self, custom: object = None) -> FieldConfig:
        """As a panel's defaults; without steps each series has a colour of its own."""
        steps = [Threshold(None, self.first), *(Threshold(value, color) for value, color in self.steps)]
        mode = ThresholdsMode.PERCENTAGE if self.of_the_most else ThresholdsMode.ABSOLUTE
        colors = FieldColorModeId.THRESHOLDS if self.steps else FieldColorModeId.PALETTE_CLASSIC
        return FieldConfig(
            unit=self.unit,
            min_val=self.least,
            max_val=self.most,
            decimals=self.decimals,
            thresholds=ThresholdsConfig(mode, steps),
            color=FieldColor(colors),
            custom=custom,
        )


COUNT: Final = Scale(units.Short, GREY, decimals=0)
NONE_IS_GOOD: Final = Scale(units.Short, GREEN, ((1, ORANGE),), decimals=0)
INPUTS: Final = Scale("suffix: inputs/s", GREY)
SHARE: Final = Scale(units.PercentUnit, GREY, decimals=1)
MONEY: Final = Scale(units.Short, GREY, decimals=2, least=None)
DURATION: Final = Scale(units.Milliseconds, GREY)
