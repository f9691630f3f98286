"""The kinds of panels that the dashboards are made of: each says what it asks of Redis and what it calls the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from grafana_foundation_sdk.models import bargauge, common, stat, table, timeseries
from grafana_foundation_sdk.models.dashboard import (
    DashboardFieldConfigSourceOverrides,
    DashboardSpecialValueMapOptions,
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColor,
    FieldColorModeId,
    FieldConfig,
    FieldConfigSource,
    MatcherConfig,
    Panel,
    SpecialValueMap,
    SpecialValueMatch,
    ValueMap,
    ValueMappingResult,
)

from deploy.grafana.description.queries import SOURCE, TIME, RedisQuery
from deploy.grafana.description.scales import BLUE, GREY, OUTCOMES, Scale, fixed

_PALETTE: Final = FieldColor(FieldColorModeId.PALETTE_CLASSIC)


@dataclass(frozen=True, slots=True)
class Figure:
    """A column of a query's answer, and what it is called; with a unit of its own it is drawn on the right."""

    query: RedisQuery
    column: str
    label: str
    unit: str | None = None
    color: str | None = None


def lines(title: str, why: str, figures: Sequence[Figure], scale: Scale, *, stepped: bool = False) -> Panel:
    """Figures over time. Where a line crosses a step of the scale is drawn, too."""
    custom = timeseries.FieldConfig(
        line_width=1,
        fill_opacity=8,
        line_interpolation=common.LineInterpolation.STEP_AFTER
        if stepped
        else common.LineInterpolation.LINEAR,
        show_points=common.VisibilityMode.AUTO,
    )
    config = scale.config(_PALETTE, custom)
    if scale.steps:
        custom.thresholds_style = common.GraphThresholdsStyleConfig(common.GraphThresholdsStyleMode.DASHED)
        config.color = _PALETTE
    options = timeseries.Options(
        legend=common.VizLegendOptions(
            display_mode=common.LegendDisplayMode.LIST,
            placement=common.LegendPlacement.BOTTOM,
            show_legend=True,
            calcs=["lastNotNull", "max"],
        ),
        tooltip=common.VizTooltipOptions(common.TooltipDisplayMode.MULTI, common.SortOrder.DESCENDING),
    )
    return _panel("timeseries", title, why, figures, FieldConfigSource(config), options)


def numbers(title: str, why: str, figures: Sequence[Figure], scale: Scale) -> Panel:
    """Figures as they are now, large."""
    options = stat.Options(
        graph_mode=common.BigValueGraphMode.NONE,
        color_mode=common.BigValueColorMode.VALUE,
        justify_mode=common.BigValueJustifyMode.AUTO,
        text_mode=common.BigValueTextMode.VALUE_AND_NAME
        if len(figures) > 1
        else common.BigValueTextMode.VALUE,
        reduce_options=common.ReduceDataOptions(values=False, calcs=["lastNotNull"], fields=""),
        orientation=common.VizOrientation.AUTO,
    )
    return _panel("stat", title, why, figures, FieldConfigSource(scale.config(fixed(GREY))), options)


def words(title: str, why: str, figures: Sequence[Figure], colors: Mapping[str, str]) -> Panel:
    """Texts as they are now; some of them in a colour."""
    config = FieldConfig(
        mappings=[
            ValueMap({word: ValueMappingResult(color=color) for word, color in colors.items()}),
            SpecialValueMap(
                DashboardSpecialValueMapOptions(SpecialValueMatch.EMPTY, ValueMappingResult(text="–"))
            ),
        ],
        color=fixed(GREY),
    )
    options = stat.Options(
        graph_mode=common.BigValueGraphMode.NONE,
        color_mode=common.BigValueColorMode.VALUE,
        justify_mode=common.BigValueJustifyMode.AUTO,
        text_mode=common.BigValueTextMode.VALUE_AND_NAME,
        reduce_options=common.ReduceDataOptions(values=False, calcs=["lastNotNull"], fields="/.*/"),
        orientation=common.VizOrientation.AUTO,
    )
    return _panel("stat", title, why, figures, FieldConfigSource(config), options)


def bars(title: str, why: str, query: RedisQuery, scale: Scale) -> Panel:
    """Every field of a hash as a bar, whatever fields it has; statuses and reasons in their colours."""
    config = FieldConfigSource(scale.config(fixed(BLUE)))
    panel = _panel("bargauge", title, why, [], config, _bars("lastNotNull"))
    panel.targets = [query]
    config.overrides = [
        DashboardFieldConfigSourceOverrides(
            matcher=MatcherConfig("byName", name), properties=[DynamicConfigValue("color", fixed(color))]
        )
        for name, color in OUTCOMES.items()
    ]
    return panel


def increases(title: str, why: str, figures: Sequence[Figure], scale: Scale) -> Panel:
    """By how much totals grew in the dashboard's time, a bar each: they outlive whatever was rebuilt in between."""
    config = FieldConfigSource(scale.config(fixed(BLUE)))
    return _panel("bargauge", title, why, figures, config, _bars("diff"))


def listing(title: str, why: str, figures: Sequence[Figure], only: Mapping[str, Sequence[str]]) -> Panel:
    """A stream's entries as a table; of them ``only`` those that have one of some values in a column."""
    config = FieldConfig(custom=table.FieldConfig())
    panel = _panel("table", title, why, figures, FieldConfigSource(config), table.Options())
    assert panel.transformations is not None
    for column, values in only.items():
        panel.transformations.append(_one_of(column, values))
    return panel


def _bars(reducer: str) -> bargauge.Options:
    return bargauge.Options(
        display_mode=common.BarGaugeDisplayMode.BASIC,
        value_mode=common.BarGaugeValueMode.COLOR,
        reduce_options=common.ReduceDataOptions(values=False, calcs=[reducer], fields=""),
        orientation=common.VizOrientation.HORIZONTAL,
    )


def _panel(
    kind: str, title: str, why: str, figures: Sequence[Figure], config: FieldConfigSource, options: object
) -> Panel:
    queries = list(dict.fromkeys(figure.query for figure in figures))
    config.overrides = [_named(figure, alone=len(queries) == 1) for figure in figures]
    columns = list(dict.fromkeys(figure.column for figure in figures))
    return Panel(
        type_val=kind,
        title=title,
        description=why,
        datasource=SOURCE,
        targets=list(queries),
        transformations=[_columns(columns, queries[0])] if columns else [],
        field_config=config,
        options=options,
    )


def _columns(columns: Sequence[str], query: RedisQuery) -> DataTransformerConfig:
    """Of an answer only these columns, and the time where it has one."""
    kept = [TIME, *columns] if query.of_a_stream and TIME not in columns else [*columns]
    return DataTransformerConfig(id_val="filterFieldsByName", options={"include": {"names": kept}})


def _one_of(column: str, values: Sequence[str]) -> DataTransformerConfig:
    filters = [
        {"fieldName": column, "config": {"id": "equal", "options": {"value": value}}} for value in values
    ]
    options = {"type": "include", "match": "any", "filters": filters}
    return DataTransformerConfig(id_val="filterByValue", options=options)


def _named(figure: Figure, *, alone: bool) -> DashboardFieldConfigSourceOverrides:
    """Columns of one query are told apart by their names, those of several by their query."""
    matcher = (
        MatcherConfig("byName", figure.column) if alone else MatcherConfig("byFrameRefID", figure.query.ref)
    )
    properties = [DynamicConfigValue("displayName", figure.label)]
    if figure.unit is not None:
        properties += [
            DynamicConfigValue("unit", figure.unit),
            DynamicConfigValue("custom.axisPlacement", common.AxisPlacement.RIGHT),
        ]
    if figure.color is not None:
        properties.append(DynamicConfigValue("color", fixed(figure.color)))
    return DashboardFieldConfigSourceOverrides(matcher=matcher, properties=properties)
