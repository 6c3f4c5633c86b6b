"""Charts as inline SVG: columns over time, bars by name, lines over time. Each says in words what it shows.

Colours are the page's own variables, so that one drawing serves light, dark and paper. Figures beside the marks, so
that colour alone never tells anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from dvornik.reports.markup import Markup, element, join

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

WIDTH: Final = 720
_ROW: Final = 26
_LABEL: Final = 250
_FIGURE: Final = 96
_PLOT: Final = 180
_LEFT, _TOP, _BOTTOM = 76, 12, 28
_COLOURS: Final = 6
_CHARACTERS: Final = 34


class Mark(msgspec.Struct, frozen=True):
    """One value with its name; ``tone`` is the class of its colour."""

    label: str
    value: float
    tone: str = "series-1"


class Series(msgspec.Struct, frozen=True):
    """Values over time, oldest first: seconds since the epoch, value."""

    label: str
    points: Sequence[tuple[float, float]]


def bars(title: str, marks: Sequence[Mark], say: Callable[[float], str]) -> Markup:
    """Draw a bar for each mark, the name before and the figure behind it."""
    most = max((mark.value for mark in marks), default=0) or 1
    room = WIDTH - _LABEL - _FIGURE
    rows = []
    for number, mark in enumerate(marks):
        top = number * _ROW
        length = max(2.0, room * mark.value / most) if mark.value else 0
        rows += [
            element("text", _short(mark.label), x=_LABEL - 10, y=top + 17, text_anchor="end", class_="name"),
            element("rect", x=_LABEL, y=top + 4, width=f"{length:.1f}", height=_ROW - 8, rx=3, class_=mark.tone),
            element("text", say(mark.value), x=f"{_LABEL + length + 8:.1f}", y=top + 17, class_="figure"),
        ]
    return _drawing(title, _told(marks, say), len(marks) * _ROW + 4, rows)


def columns(title: str, marks: Sequence[Mark], say: Callable[[float], str]) -> Markup:
    """Draw a column for each mark, oldest first; the first, the last and the scale are labelled."""
    most = _rounded(max((mark.value for mark in marks), default=0))
    step = (WIDTH - _LEFT) / max(1, len(marks))
    width = min(36.0, step * 0.72)
    drawn: list[Markup] = [*_scale(most, say)]
    for number, mark in enumerate(marks):
        height = _PLOT * mark.value / most
        left = _LEFT + step * number + (step - width) / 2
        hint = element("title", f"{mark.label}: {say(mark.value)}")
        top = _TOP + _PLOT - max(height, 2 if mark.value else 0)
        drawn.append(
            element("rect", hint, x=f"{left:.1f}", y=f"{top:.1f}", width=f"{width:.1f}",
                    height=f"{_TOP + _PLOT - top:.1f}", rx=2, class_=mark.tone)
        )  # fmt: skip
    if marks:
        drawn += _ends(marks[0].label, marks[-1].label if len(marks) > 1 else "")
    return _drawing(title, _told(marks, say), _TOP + _PLOT + _BOTTOM, drawn)


def lines(title: str, series: Sequence[Series], say: Callable[[float], str], moment: Callable[[float], str]) -> Markup:
    """Draw a line for each of the first few series; each ends in a dot and is named in the legend above."""
    shown = series[:_COLOURS]
    times = [time for each in shown for time, _value in each.points]
    first, last = min(times), max(times)
    most = _rounded(max(value for each in shown for _time, value in each.points))
    drawn: list[Markup] = [*_scale(most, say)]
    for number, each in enumerate(shown, 1):
        spots = [
            (
                _LEFT + 6 + (WIDTH - _LEFT - 12) * ((time - first) / (last - first) if last > first else 0.5),
                _TOP + _PLOT * (1 - value / most),
            )
            for time, value in each.points
        ]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
        drawn.append(element("polyline", points=path, class_=f"line-{number}", fill="none", stroke_width=2.5))
        drawn += [
            element("circle", element("title", f"{each.label}, {moment(time)}: {say(value)}"),
                    cx=f"{x:.1f}", cy=f"{y:.1f}", r=3.5, class_=f"series-{number}")
            for (x, y), (time, value) in zip(spots, each.points, strict=True)
        ]  # fmt: skip
    drawn += _ends(moment(first), moment(last) if last > first else "")
    latest = [Mark(each.label, each.points[-1][1]) for each in shown]
    return join(_legend(shown, say), _drawing(title, _told(latest, say), _TOP + _PLOT + _BOTTOM, drawn))


def _legend(series: Sequence[Series], say: Callable[[float], str]) -> Markup:
    entries = [
        element("li", element("span", "", class_=f"swatch series-{number}"), f"{each.label}: {say(each.points[-1][1])}")
        for number, each in enumerate(series, 1)
    ]
    return element("ul", *entries, class_="legend")


def _drawing(title: str, description: str, height: float, drawn: Sequence[Markup]) -> Markup:
    said = (element("title", title), element("desc", description))
    whole = element("svg", *said, *drawn, viewBox=f"0 0 {WIDTH} {height:.0f}", role="img", aria_label=title)
    return element("div", whole, class_="frame", tabindex=0, role="region", aria_label=title)


def _told(marks: Sequence[Mark], say: Callable[[float], str]) -> str:
    return "; ".join(f"{mark.label}: {say(mark.value)}" for mark in marks)


def _scale(most: float, say: Callable[[float], str]) -> Iterator[Markup]:
    for part in (0, 0.5, 1):
        y = _TOP + _PLOT * (1 - part)
        yield element("line", x1=_LEFT, x2=WIDTH, y1=f"{y:.1f}", y2=f"{y:.1f}", class_="grid")
        yield element("text", say(most * part), x=_LEFT - 8, y=f"{y + 4:.1f}", text_anchor="end", class_="figure")


def _ends(first: str, last: str) -> Iterator[Markup]:
    below = _TOP + _PLOT + 20
    yield element("text", first, x=_LEFT, y=below, class_="figure")
    if last:
        yield element("text", last, x=WIDTH, y=below, text_anchor="end", class_="figure")


def _rounded(most: float) -> float:
    """Return the next number whose half reads as well as itself: the top of a scale."""
    power = 1.0
    while power * 10 <= most:
        power *= 10
    return next((power * step for step in (1, 1.6, 2, 3, 4, 5, 6, 8, 10) if power * step >= most), power) or 1


def _short(text: str) -> str:
    return text if len(text) <= _CHARACTERS else f"{text[: _CHARACTERS - 1]}…"
