"""The chart for README and docs: CPU time a request, a group of bars for each case."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import Element

import pygal  # type: ignore[import-untyped]
from pygal.style import Style  # type: ignore[import-untyped]

from bench.cases import OURS
from bench.results import CaseResult

_COLOURS = {
    "nginx": "#9aa5b1",
    "nginx_logged": "#6b7785",
    "envoy": "#c98bdb",
    "envoy_uncached": "#8e5aa3",
    OURS: "#1f7a4d",
}
_OTHER = "#b08968"


def draw(results: Sequence[CaseResult], cases: Sequence[str]) -> str:
    """An SVG of the named cases, without scripts and the same for the same figures.

    Args:
        results: what was measured.
        cases: names of the cases to show, in this order.

    """
    shown = [result for name in cases for result in results if result.case.name == name and result.measured]
    titles = {each.name: each.title for result in shown for each in result.measured}
    order = sorted(titles, key=lambda name: (name == OURS, list(_COLOURS).index(name) if name in _COLOURS else 99))
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
        colors=tuple(_COLOURS.get(name, _OTHER) for name in order),
    )
    chart = pygal.Bar(
        style=style,
        js=[],  # by default an image would load scripts from elsewhere
        no_prefix=True,  # by default names in it are random
        width=960,
        height=420,
        title="CPU time a request, microseconds (less is better)",
        legend_at_bottom=True,
        legend_at_bottom_columns=len(order) or 1,
        print_values=True,
        print_values_position="top",
        show_y_guides=True,
        margin=18,
        value_formatter=lambda value: "" if value is None else f"{value:.0f}",
    )
    chart.x_labels = [result.case.title for result in shown]
    for name in order:
        chart.add(titles[name], [(found.cpu_us if (found := result.of(name)) else None) for result in shown])
    chart.add_xml_filter(_without_scripts)
    svg: str = chart.render(is_unicode=True)
    return svg


def _without_scripts(root: Element) -> Element:
    """An image runs none, and pages with a strict policy refuse it for holding one."""
    for parent in list(root.iter()):
        for child in list(parent):
            if str(child.tag).endswith("script"):
                parent.remove(child)
    return root
