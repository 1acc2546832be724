"""The charts for README and docs: bars in groups, less is better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

import pygal  # type: ignore[import-untyped]
from pygal.style import Style  # type: ignore[import-untyped]

from bench.model import OURS
from bench.results import CaseResult, Measured

_COLOURS = {
    "nginx": "#9aa5b1",
    "nginx_logged": "#6b7785",
    "modsecurity": "#3f4a57",
    "haproxy": "#6fa3c7",
    "envoy": "#c98bdb",
    "envoy_uncached": "#8e5aa3",
    OURS: "#1f7a4d",
}
_OTHER = "#b08968"


@dataclass(frozen=True, slots=True)
class Group:
    """Bars side by side, one for each contender of a case."""

    case: str
    detail: str | None = None
    """Which detail of the rounds; ``None``: the figure itself."""
    title: str | None = None
    """``None``: the case's."""


@dataclass(frozen=True, slots=True)
class Chart:
    """One image."""

    file: str
    title: str
    groups: tuple[Group, ...]


CHARTS = (
    Chart(
        "benchmark.svg",
        "CPU time a request, microseconds",
        (Group("passthrough"), Group("policy"), Group("refusal")),
    ),
    Chart("benchmark-policy-full.svg", "CPU time a request, microseconds", (Group("policy_full"),)),
    Chart(
        "benchmark-latency.svg",
        "Time until the answer is there, microseconds",
        (Group("latency", "p50_us", "p50"), Group("latency", None, "p99")),
    ),
    Chart(
        "benchmark-stream.svg",
        "CPU time a MiB, microseconds",
        (Group("stream", "up_us", "sent"), Group("stream", "down_us", "fetched")),
    ),
    Chart("benchmark-idle.svg", "Memory an idle connection, bytes", (Group("idle"),)),
)


def draw(results: Sequence[CaseResult], chart: Chart) -> str | None:
    """An SVG without scripts, the same for the same figures; ``None`` where none of its cases was measured."""
    by_name = {result.case.name: result for result in results if result.measured}
    groups = [(group, by_name[group.case]) for group in chart.groups if group.case in by_name]
    if not groups:
        return None
    titles = {each.name: each.title for _, result in groups for each in result.measured}
    order = sorted(titles, key=lambda name: list(_COLOURS).index(name) if name in _COLOURS else -1)
    drawn = _bars(chart.title, tuple(_COLOURS.get(name, _OTHER) for name in order))
    drawn.x_labels = [group.title or result.case.title for group, result in groups]
    for name in order:
        drawn.add(titles[name], [_value(result.of(name), group.detail) for group, result in groups])
    drawn.add_xml_filter(_without_scripts)
    svg: str = drawn.render(is_unicode=True)
    return svg


def _value(measured: Measured | None, detail: str | None) -> float | None:
    if measured is None:
        return None
    return measured.detail(detail) if detail else measured.figure


def _bars(title: str, colours: tuple[str, ...]) -> pygal.Bar:
    style = Style(
        background="white",
        plot_background="white",
        opacity=".9",
        guide_stroke_color="#d0d7de",
        major_guide_stroke_color="#d0d7de",
        font_family="sans-serif",
        label_font_size=13,
        major_label_font_size=13,
        value_font_size=12,
        title_font_size=17,
        legend_font_size=13,
        colors=colours,
    )
    return pygal.Bar(
        style=style,
        js=[],  # by default an image would load scripts from elsewhere
        no_prefix=True,  # by default names in it are random
        width=960,
        height=420,
        title=f"{title} (less is better)",
        legend_at_bottom=True,
        legend_at_bottom_columns=len(colours),
        print_values=True,
        print_values_position="top",
        show_y_guides=True,
        margin=18,
        value_formatter=lambda value: "" if value is None else f"{value:,.0f}",
    )


def _without_scripts(root: Element) -> Element:
    """An image runs none, and pages with a strict policy refuse it for holding one."""
    for parent in list(root.iter()):
        for child in list(parent):
            if str(child.tag).endswith("script"):
                parent.remove(child)
    return root
