"""Numbers → SVG: one small picture a work, time over stories, both axes logarithmic.

Colours follow the reader's light or dark scheme; a text says what the lines show.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from math import ceil, floor, log10

Points = Sequence[tuple[float, float]]

_WIDTH, _HEIGHT = 460, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 112, 36, 40

#: Of all pictures here.
STYLE = """
svg { font: 12px system-ui, sans-serif; }
text { fill: #1f2328; } .small { fill: #59636e; }
.grid { stroke: #d1d9e0; stroke-width: 1; }
.line { fill: none; stroke-width: 2.5; stroke-linejoin: round; }
.s0 { stroke: #0b62c4; } .s1 { stroke: #b3460f; } .s2 { stroke: #6e7781; } .s3 { stroke: #2a7d3c; }
.f0 { fill: #0b62c4; } .f1 { fill: #b3460f; } .f2 { fill: #6e7781; } .f3 { fill: #2a7d3c; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; } .small { fill: #9198a1; } .grid { stroke: #3d444d; }
.s0 { stroke: #6cb0ff; } .s1 { stroke: #ff9e64; } .s2 { stroke: #9da7b3; } .s3 { stroke: #6fd08c; }
.f0 { fill: #6cb0ff; } .f1 { fill: #ff9e64; } .f2 { fill: #9da7b3; } .f3 { fill: #6fd08c; }
}
""".strip()


class _Axis:
    """Powers of ten → a stretch of the picture."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        self.low = floor(log10(min(values)))
        self.high = max(ceil(log10(max(values))), self.low + 1)
        self._start = start
        self._scale = (end - start) / (self.high - self.low)

    def place(self, value: float) -> float:
        """Where a value lies, in pixels."""
        return round(self._start + (log10(value) - self.low) * self._scale, 1)

    def ticks(self) -> Iterator[float]:
        """The powers of ten on the axis."""
        for power in range(self.low, self.high + 1):
            yield 10.0**power


def draw_curves(title: str, unit: str, curves: Mapping[str, Points]) -> str:
    """An SVG of named curves of (stories, value > 0), the first name the most prominent."""
    points = [point for curve in curves.values() for point in curve]
    across = _Axis([x for x, _ in points], _LEFT, _WIDTH - _RIGHT)
    up = _Axis([y for _, y in points], _HEIGHT - _BOTTOM, _TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">',
        f"<title>{escape(title)}</title><desc>{escape(_told(unit, curves))}</desc>",
        f"<style>{STYLE}</style>",
        f'<text x="{_LEFT}" y="18" font-weight="600">{escape(title)}</text>',
        *_grid(across, up, unit),
        *_lines(across, up, curves),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _told(unit: str, curves: Mapping[str, Points]) -> str:
    """What the picture shows, in words."""
    told = []
    for name, points in curves.items():
        values = ", ".join(f"{y:.3g} {unit} at {x:,.0f}" for x, y in points)
        told.append(f"{name}: {values} stories.")
    return " ".join(told)


def _grid(across: _Axis, up: _Axis, unit: str) -> Iterator[str]:
    for value in up.ticks():
        y = up.place(value)
        yield f'<path class="grid" d="M{_LEFT} {y}H{_WIDTH - _RIGHT}"/>'
        yield (
            f'<text class="small" x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">'
            f"{value:g} {unit}</text>"
        )
    for value in across.ticks():
        x = across.place(value)
        yield f'<path class="grid" d="M{x} {_TOP}V{_HEIGHT - _BOTTOM}"/>'
        yield (
            f'<text class="small" x="{x}" y="{_HEIGHT - _BOTTOM + 16}" text-anchor="middle">'
            f"{value:,.0f}</text>"
        )
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    yield f'<text class="small" x="{middle}" y="{_HEIGHT - 6}" text-anchor="middle">stories</text>'


def _lines(across: _Axis, up: _Axis, curves: Mapping[str, Points]) -> Iterator[str]:
    taken: list[float] = []
    for number, (name, points) in enumerate(curves.items()):
        places = [(across.place(x), up.place(y)) for x, y in points]
        path = "L".join(f"{x} {y}" for x, y in places)
        yield f'<path class="line s{number}" d="M{path}"/>'
        yield from (f'<circle class="f{number}" cx="{x}" cy="{y}" r="3.5"/>' for x, y in places)
        label = _free(places[-1][1] + 4, taken)
        yield f'<text x="{_WIDTH - _RIGHT + 8}" y="{label}">{escape(name)}</text>'
        yield f'<circle class="f{number}" cx="{_WIDTH - 6}" cy="{label - 4}" r="3.5"/>'


def _free(y: float, taken: list[float]) -> float:
    """The nearest height for a label that covers no other."""
    step = 15.0
    offsets = [0.0, *(sign * step * n / 3 for n in range(1, 30) for sign in (1, -1))]
    place = next(y + o for o in offsets if all(abs(y + o - other) >= step for other in taken))
    taken.append(place)
    return place
