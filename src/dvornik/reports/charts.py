"""Charts without a script: bars by name, columns and lines over time. Each says in words what it shows.

Words and figures are HTML, which wraps and keeps its size on a telephone; the drawing beside them is an SVG that is
stretched to the room there is. Colours are the page's own variables, so that one drawing serves light, dark and paper.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from dvornik.reports.markup import Markup, element, join

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_SIDE: Final = 100
"""Width and height of a drawing, in its own units."""
_COLOURS: Final = 6


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
    rows = [
        element(
            "li",
            element("span", mark.label, class_="name"),
            element("span", element("span", "", class_=mark.tone, style=f"width:{100 * mark.value / most:.1f}%"),
                    class_="bar", aria_hidden="true"),
            element("span", say(mark.value), class_="figure"),
        )
        for mark in marks
    ]  # fmt: skip
    return element("ul", *rows, class_="bars", aria_label=title)


def columns(title: str, marks: Sequence[Mark], say: Callable[[float], str]) -> Markup:
    """Draw a column for each mark, oldest first; the first, the last and the scale are labelled."""
    most = _rounded(max((mark.value for mark in marks), default=0))
    step = _SIDE / max(1, len(marks))
    width = min(6, step * 0.72)
    drawn = []
    for number, mark in enumerate(marks):
        height = max(_SIDE * mark.value / most, 1 if mark.value else 0)
        hint = element("title", f"{mark.label}: {say(mark.value)}")
        drawn.append(
            element("rect", hint, x=f"{step * number + (step - width) / 2:.2f}", y=f"{_SIDE - height:.2f}",
                    width=f"{width:.2f}", height=f"{height:.2f}", class_=mark.tone)
        )  # fmt: skip
    ends = [marks[0].label, marks[-1].label] if len(marks) > 1 else [each.label for each in marks]
    return _plot(title, _told(marks, say), drawn, [say(most * part) for part in (1, 0.5, 0)], ends)


def lines(title: str, series: Sequence[Series], say: Callable[[float], str], moment: Callable[[float], str]) -> Markup:
    """Draw a line for each of the first few series; each measurement is a dot, each line is named in the legend."""
    shown = series[:_COLOURS]
    times = [time for each in shown for time, _value in each.points]
    first, last = min(times), max(times)
    most = _rounded(max(value for each in shown for _time, value in each.points))
    drawn: list[Markup] = []
    for number, each in enumerate(shown, 1):
        spots = [
            (2 + (_SIDE - 4) * ((time - first) / (last - first) if last > first else 0.5), _SIDE * (1 - value / most))
            for time, value in each.points
        ]
        path = " ".join(f"{x:.2f},{y:.2f}" for x, y in spots)
        drawn.append(element("polyline", points=path, class_=f"line line-{number}"))
        drawn += [
            # A line of no length with round ends stays a dot however the drawing is stretched.
            element("path", element("title", f"{each.label}, {moment(time)}: {say(value)}"),
                    d=f"M{x:.2f} {y:.2f}h0", class_=f"dot line-{number}")
            for (x, y), (time, value) in zip(spots, each.points, strict=True)
        ]  # fmt: skip
    ends = [moment(first), moment(last)] if last > first else [moment(first)]
    latest = [Mark(each.label, each.points[-1][1]) for each in shown]
    scale = [say(most * part) for part in (1, 0.5, 0)]
    return join(_legend(shown, say), _plot(title, _told(latest, say), drawn, scale, ends))


def _legend(series: Sequence[Series], say: Callable[[float], str]) -> Markup:
    entries = [
        element("li", element("span", "", class_=f"swatch series-{number}"), f"{each.label}: {say(each.points[-1][1])}")
        for number, each in enumerate(series, 1)
    ]
    return element("ul", *entries, class_="legend")


def _plot(title: str, description: str, drawn: Sequence[Markup], scale: Sequence[str], ends: Sequence[str]) -> Markup:
    """Put a drawing between its scale, from the top down, and the moments at its two ends."""
    grid = [element("path", d=f"M0 {y}H{_SIDE}", class_="grid") for y in (0, _SIDE // 2, _SIDE)]
    said = (element("title", title), element("desc", description))
    view = {"viewBox": f"0 0 {_SIDE} {_SIDE}", "preserveAspectRatio": "none"}
    return element(
        "div",
        element("div", *(element("span", each) for each in scale), class_="scale", aria_hidden="true"),
        element("svg", *said, *grid, *drawn, role="img", aria_label=title, **view),
        element("div", *(element("span", each) for each in ends), class_="ends", aria_hidden="true"),
        class_="plot",
    )


def _told(marks: Sequence[Mark], say: Callable[[float], str]) -> str:
    return "; ".join(f"{mark.label}: {say(mark.value)}" for mark in marks)


def _rounded(most: float) -> float:
    """Return the next number whose half reads as well as itself: the top of a scale."""
    power = 1.0
    while power * 10 <= most:
        power *= 10
    return next((power * step for step in (1, 1.6, 2, 3, 4, 5, 6, 8, 10) if power * step >= most), power) or 1
