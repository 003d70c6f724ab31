"""Throughput and p99 against concurrency, as SVG: two panels with logarithmic axes, legible in light and dark."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

Series = Mapping[str, Sequence[tuple[float, float]]]

_WIDTH, _PANEL_WIDTH, _PANEL_HEIGHT = 964, 400, 300
_LEFT, _TOP, _BETWEEN = 62, 64, 74
_LEGEND_ROW, _LEGEND_COLUMNS = 22, 3
# Okabe and Ito's colours, which people tell apart who do not see all of them; the marks differ as well.
_COLOURS = ("var(--plain)", "var(--blue)", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_DASHES = ("6 4", "", "", "", "", "", "")
_STYLE = """
  svg { --paper: #ffffff; --ink: #1f2328; --quiet: #59636e; --grid: #d8dee4; --plain: #59636e; --blue: #0072b2; }
  @media (prefers-color-scheme: dark) {
    svg { --paper: #0d1117; --ink: #f0f6fc; --quiet: #9aa4af; --grid: #30363d; --plain: #9aa4af; --blue: #4aa8e8; }
  }
  text { font: 13px system-ui, sans-serif; fill: var(--ink); }
  .title { font-size: 17px; font-weight: 600; }
  .panel { font-size: 14px; font-weight: 600; }
  .tick, .label { fill: var(--quiet); font-size: 12px; }
  .paper { fill: var(--paper); }
  .grid { stroke: var(--grid); stroke-width: 1; }
  .line { fill: none; stroke-width: 2; }
"""


@dataclass(frozen=True, slots=True)
class Panel:
    """One set of axes; each series is pairs of x and y, all of them positive."""

    title: str
    x_label: str
    y_label: str
    series: Series


def to_svg(title: str, panels: Sequence[Panel]) -> str:
    """The whole picture. Every panel has the same series, in the same order and colours."""
    names = list(dict.fromkeys(name for panel in panels for name in panel.series))
    height = _TOP + _PANEL_HEIGHT + 64 + _LEGEND_ROW * math.ceil(len(names) / _LEGEND_COLUMNS)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" aria-labelledby="title">',
        f'<title id="title">{escape(title)}</title>',
        f"<style>{_STYLE}</style>",
        f'<rect class="paper" width="{_WIDTH}" height="{height}"/>',
        f'<text class="title" x="{_LEFT}" y="28">{escape(title)}</text>',
    ]
    for number, panel in enumerate(panels):
        parts += _panel(panel, names, _LEFT + number * (_PANEL_WIDTH + _BETWEEN))
    parts += _legend(names, _TOP + _PANEL_HEIGHT + 62)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(panel: Panel, names: Sequence[str], left: float) -> list[str]:
    points = [point for series in panel.series.values() for point in series]
    xs = sorted({x for x, _ in points})
    ticks = _decades([y for _, y in points])
    bottom = _TOP + _PANEL_HEIGHT
    to_x = _scale(xs[0], xs[-1], left, left + _PANEL_WIDTH) if xs else float
    to_y = _scale(ticks[0], ticks[-1], bottom, _TOP)
    middle = left + _PANEL_WIDTH / 2
    right = left + _PANEL_WIDTH
    parts = [
        f'<text class="panel" x="{left}" y="{_TOP - 14}">{escape(panel.title)}</text>',
        f'<text class="label" x="{middle}" y="{bottom + 38}" text-anchor="middle">{escape(panel.x_label)}</text>',
        f'<text class="label" x="{right}" y="{_TOP - 14}" text-anchor="end">{escape(panel.y_label)}</text>',
    ]
    for y in ticks:
        at = to_y(y)
        parts += [
            f'<line class="grid" x1="{left}" x2="{right}" y1="{at:.1f}" y2="{at:.1f}"/>',
            f'<text class="tick" x="{left - 8}" y="{at + 4:.1f}" text-anchor="end">{_number(y)}</text>',
        ]
    for x in xs:
        at = to_x(x)
        parts += [
            f'<line class="grid" x1="{at:.1f}" x2="{at:.1f}" y1="{_TOP}" y2="{bottom}"/>',
            f'<text class="tick" x="{at:.1f}" y="{bottom + 18}" text-anchor="middle">{_number(x)}</text>',
        ]
    for name, series in panel.series.items():
        colour, dash = _pen(names.index(name))
        drawn = " ".join(f"{to_x(x):.1f},{to_y(y):.1f}" for x, y in series)
        parts.append(f'<polyline class="line" stroke="{colour}"{dash} points="{drawn}"/>')
        parts += [
            f'<circle cx="{to_x(x):.1f}" cy="{to_y(y):.1f}" r="3.5" fill="{colour}">'
            f"<title>{escape(f'{name}, {_number(x)}: {_number(y)}')}</title></circle>"
            for x, y in series
        ]
    return parts


def _legend(names: Sequence[str], top: float) -> list[str]:
    parts = []
    for number, name in enumerate(names):
        colour, dash = _pen(number)
        x = _LEFT + number % _LEGEND_COLUMNS * 290
        y = top + number // _LEGEND_COLUMNS * _LEGEND_ROW
        parts += [
            f'<line class="line" stroke="{colour}"{dash} x1="{x}" x2="{x + 28}" y1="{y}" y2="{y}"/>',
            f'<circle cx="{x + 14}" cy="{y}" r="3.5" fill="{colour}"/>',
            f'<text x="{x + 38}" y="{y + 4}">{escape(name)}</text>',
        ]
    return parts


def _pen(number: int) -> tuple[str, str]:
    dash = _DASHES[number % len(_DASHES)]
    return _COLOURS[number % len(_COLOURS)], f' stroke-dasharray="{dash}"' if dash else ""


def _decades(values: Sequence[float]) -> list[float]:
    """1, 2 and 5 times the powers of ten, from at most the least value to at least the greatest."""
    if not values:
        return [1.0, 10.0]
    low, high = min(values), max(values)
    exponents = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2)
    steps = [factor * 10.0**exponent for exponent in exponents for factor in (1, 2, 5)]
    first = max(index for index, step in enumerate(steps) if step <= low)
    last = min(index for index, step in enumerate(steps) if step >= high)
    return steps[first : max(last, first + 1) + 1]


def _scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    span = math.log(high / low) or 1.0
    return lambda value: start + (end - start) * math.log(value / low) / span


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.3g}"
