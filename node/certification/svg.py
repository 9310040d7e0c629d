"""Small drawings for a report: SVG as text, nothing loaded from anywhere, every text escaped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 720
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 16, 24, 34
INK, GRID, FILL, WARN = "#1d2733", "#d7dde4", "#3b6ea5", "#b23b3b"


@dataclass(frozen=True)
class Bar:
    """One bar of :func:`share_bars`: ``value`` and ``limit`` between 0 and 1; no limit: nothing is refused."""

    label: str
    value: float
    limit: float | None = None
    hint: str = ""


def column_chart(values: Sequence[float], ends: tuple[str, str], unit: str, *, height: int = 200) -> str:
    """Return columns side by side: ``ends`` name the first and the last one, ``unit`` the vertical axis."""
    top = max(values, default=0.0) or 1.0
    inner_width, inner_height = WIDTH - _LEFT - _RIGHT, height - _TOP - _BOTTOM
    step = inner_width / max(len(values), 1)
    parts = [_axes(height, unit, f"{top:.3g}")]
    for place, value in enumerate(values):
        tall = inner_height * value / top
        x, y = _LEFT + place * step, _TOP + inner_height - tall
        parts.append(_rectangle(x, y, max(step - 1, 0.6), tall, FILL, f"{value:.4g}"))
    base = height - 12
    parts.append(_text(_LEFT, base, ends[0]))
    parts.append(_text(WIDTH - _RIGHT, base, ends[1], anchor="end"))
    return _drawing(height, parts)


def share_bars(bars: Sequence[Bar]) -> str:
    """Return lying bars from 0 to 1, each with its limit as a line; red where the limit is passed."""
    left, row = 250, 22
    width, height = WIDTH - left - 70, _TOP + row * len(bars) + 22
    parts = []
    for tenth in range(0, 11, 2):
        x = left + width * tenth / 10
        parts.append(_line(x, _TOP, x, height - 20, GRID))
        parts.append(_text(x, height - 6, f"{tenth / 10:.1f}", anchor="middle"))
    for place, bar in enumerate(bars):
        y = _TOP + place * row
        over = bar.limit is not None and bar.value > bar.limit
        parts.append(_text(left - 8, y + 14, _short(bar.label), anchor="end"))
        parts.append(_rectangle(left, y + 3, width * min(bar.value, 1), row - 8, WARN if over else FILL, bar.hint))
        parts.append(_text(left + width * min(bar.value, 1) + 5, y + 14, f"{bar.value:.3f}"))
        if bar.limit is not None:
            x = left + width * bar.limit
            parts.append(_line(x, y, x, y + row - 2, WARN, 2))
    return _drawing(height, parts)


def _axes(height: int, unit: str, top: str) -> str:
    floor = height - _BOTTOM
    return "".join(
        (
            _line(_LEFT, _TOP, _LEFT, floor, INK),
            _line(_LEFT, floor, WIDTH - _RIGHT, floor, INK),
            _text(_LEFT - 6, _TOP + 8, top, anchor="end"),
            _text(_LEFT - 6, floor, "0", anchor="end"),
            _text(_LEFT, _TOP - 9, unit),
        )
    )


def _short(label: str) -> str:
    return label if len(label) <= 34 else label[:33] + "…"


def _drawing(height: int, parts: Sequence[str]) -> str:
    head = f'<svg viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">'
    return head + "".join(parts) + "</svg>"


def _rectangle(x: float, y: float, width: float, height: float, colour: str, hint: str) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{max(height, 0):.1f}"'
    return f'<rect {place} fill="{colour}"><title>{escape(hint)}</title></rect>'


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: float = 1) -> str:
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{width}"/>'


def _text(x: float, y: float, text: str, *, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
