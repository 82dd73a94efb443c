"""Small drawings that the server makes: a line of measurements, and a bar of shares.

Drawings in SVG without a style of their own: the page's style sheet colours them, so they follow
dark and light, and the security policy needs no exception.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

# Of the drawing's own coordinates, which are whole numbers: the page stretches them to its pixels.
WIDTH = 240
HEIGHT = 56
_MARGIN = 4


@dataclass(frozen=True, kw_only=True)
class Sparkline:
    """Paths of a line through the measurements, and of the line that they should not cross."""

    line: str
    limit: str


@dataclass(frozen=True, kw_only=True)
class Share:
    """A piece of a bar, in percent of its length."""

    name: str
    count: int
    start: float
    length: float


def draw_sparkline(
    values: Sequence[float | None], limits: Sequence[float | None]
) -> Sparkline | None:
    """A line through the values, oldest first; None where there are fewer than two.

    Parameters
    ----------
    values : sequence of float or None
        None where a check found too few rows to measure: the line goes on to the next.
    limits : sequence of float or None
        The limit at each value's time, of the same length; where it changes, its line steps.

    Examples
    --------
    >>> drawn = draw_sparkline([0.0, 1.0, 0.5], [0.5, 0.5, 0.0])
    >>> drawn.line, drawn.limit
    ('M0 52 120 4 240 28', 'M0 28H240V52H240')
    """
    shown = [v for v in (*values, *limits) if v is not None and isfinite(v)]
    if sum(value is not None for value in values) < 2:
        return None
    low, high = min(shown), max(shown)
    step = WIDTH / (len(values) - 1)

    def place(index: int, value: float) -> tuple[int, int]:
        # Equal values lie in the middle.
        share = (value - low) / (high - low) if high > low else 0.5
        return round(index * step), round(HEIGHT - _MARGIN - share * (HEIGHT - 2 * _MARGIN))

    points = [place(i, v) for i, v in enumerate(values) if v is not None]
    edges = [place(i, v) for i, v in enumerate(limits) if v is not None]
    return Sparkline(line="M" + " ".join(f"{x} {y}" for x, y in points), limit=_steps(edges))


def _steps(edges: Sequence[tuple[int, int]]) -> str:
    """A line along the edges that goes up or down where the next one begins."""
    if not edges:
        return ""
    (start, height), path = edges[0], ""
    for x, y in edges:
        if y != height:
            path += f"H{x}V{y}"
            height = y
    return f"M{start} {edges[0][1]}{path}H{WIDTH}"


def divide(counts: Mapping[str, int]) -> list[Share]:
    """The pieces of a bar, in the order given; empty pieces are left out.

    Examples
    --------
    >>> [(share.name, share.start, share.length) for share in divide({"a": 1, "b": 0, "c": 3})]
    [('a', 0.0, 25.0), ('c', 25.0, 75.0)]
    """
    total = sum(counts.values())
    shares, start = [], 0.0
    for name, count in counts.items():
        if count:
            length = round(100 * count / total, 2)
            shares.append(Share(name=name, count=count, start=round(start, 2), length=length))
            start += length
    return shares
