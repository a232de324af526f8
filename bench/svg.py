"""Plots as SVG, written by hand: lines over a numeric axis, no library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

WIDTH, HEIGHT = 640, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 150, 40, 44
_COLOURS = ("#1f6feb", "#d1242f", "#1a7f37", "#9a6700", "#8250df", "#57606a")
_TICKS = 5


def lines(
    path: Path,
    title: str,
    *,
    x_label: str,
    y_label: str,
    series: Mapping[str, Sequence[tuple[float, float]]],
    limit: float | None = None,
) -> None:
    """Draw each series as a line with its points; `limit` is a dashed line across."""
    points = [point for line in series.values() for point in line]
    x_top = max([x for x, _ in points], default=1.0) or 1.0
    y_top = (max([y for _, y in points] + [limit or 0.0], default=1.0) or 1.0) * 1.08
    body = [_frame(title, x_label, y_label), *_axes(x_top, y_top)]
    if limit is not None:
        y = _y(limit, y_top)
        body.append(
            f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" '
            'stroke="#d1242f" stroke-dasharray="5 4"/>'
        )
    for number, (name, line) in enumerate(series.items()):
        body += _line(number, name, [(_x(x, x_top), _y(y, y_top)) for x, y in line])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*body, "</svg>"]) + "\n", "utf-8")


def _frame(title: str, x_label: str, y_label: str) -> str:
    middle = (HEIGHT - _BOTTOM + _TOP) / 2
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12">\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>\n'
        f'<text x="{_LEFT}" y="22" font-size="15" font-weight="bold">{escape(title)}</text>\n'
        f'<text x="{(_LEFT + WIDTH - _RIGHT) / 2}" y="{HEIGHT - 8}" text-anchor="middle">'
        f"{escape(x_label)}</text>\n"
        f'<text x="16" y="{middle}" text-anchor="middle" transform="rotate(-90 16 {middle})">'
        f"{escape(y_label)}</text>"
    )


def _axes(x_top: float, y_top: float) -> list[str]:
    drawn = []
    for tick in range(_TICKS + 1):
        x_value, y_value = x_top * tick / _TICKS, y_top * tick / _TICKS
        x, y = _x(x_value, x_top), _y(y_value, y_top)
        drawn.append(
            f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" '
            'stroke="#d8dee4"/>'
            f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{y_value:.3g}</text>'
            f'<text x="{x:.1f}" y="{HEIGHT - _BOTTOM + 16}" text-anchor="middle">'
            f"{x_value:.3g}</text>"
        )
    return drawn


def _line(number: int, name: str, places: Sequence[tuple[float, float]]) -> list[str]:
    colour = _COLOURS[number % len(_COLOURS)]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    key_y = _TOP + 12 + 18 * number
    return [
        f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>',
        *(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places),
        f'<rect x="{WIDTH - _RIGHT + 12}" y="{key_y - 9}" width="10" height="10" fill="{colour}"/>'
        f'<text x="{WIDTH - _RIGHT + 28}" y="{key_y}">{escape(name)}</text>',
    ]


def _x(value: float, top: float) -> float:
    return _LEFT + value / top * (WIDTH - _LEFT - _RIGHT)


def _y(value: float, top: float) -> float:
    return HEIGHT - _BOTTOM - value / top * (HEIGHT - _TOP - _BOTTOM)


def bars(path: Path, title: str, *, unit: str, rows: Sequence[tuple[str, float]]) -> None:
    """Draw one horizontal bar for each row, its value behind it."""
    top = max([value for _, value in rows], default=1.0) or 1.0
    height = _TOP + 22 * len(rows) + 12
    names, room = 280, WIDTH - 280 - 80
    body = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="12" y="22" font-size="15" font-weight="bold">{escape(title)}</text>',
    ]
    for number, (name, value) in enumerate(rows):
        y = _TOP + 22 * number
        width = max(1.0, value / top * room)
        body.append(
            f'<text x="{names - 8}" y="{y + 13}" text-anchor="end">{escape(name)}</text>'
            f'<rect x="{names}" y="{y + 2}" width="{width:.1f}" height="14" '
            f'fill="{_COLOURS[0]}"/>'
            f'<text x="{names + width + 6:.1f}" y="{y + 13}">{value:.3g} {escape(unit)}</text>'
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*body, "</svg>"]) + "\n", "utf-8")
