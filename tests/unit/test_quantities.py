"""Durations and sizes are read strictly."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dvornik.quantities import Duration, Size, written


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("24h", 86400), ("1.5 h", 5400), ("1h30m", 5400), ("1 day, 3 hours", 97200), ("2 weeks", 1209600)],
)
def test_a_duration_with_its_unit_is_seconds(text: str, seconds: float) -> None:
    assert Duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "7",
        "-1h",
        "1:2",
        "1h 1h",
        "30m 1h",
        "nan s",
        "inf",
        "1e3 s",
        "٣ h",
        "1 month",
        "1.2.3s",
        "",
        " ",
        "5 s ago",
        "h",
    ],
)
def test_a_duration_that_is_not_wholly_one_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        Duration(text)


@pytest.mark.parametrize(
    ("text", "count"),
    [("500 MB", 500_000_000), ("1.5 GiB", 1_610_612_736), ("1 B", 1), ("0.1 kB", 100), ("2KiB", 2048), ("0", 0)],
)
def test_a_size_with_its_unit_is_bytes(text: str, count: int) -> None:
    assert Size(text) == count


@pytest.mark.parametrize(
    "text",
    ["1 GiB extra", "7", "-1 MB", "1 gb", "nan MB", "inf GB", "٣ MB", "1_0 MB", "1 Mb", "", "MB", "9" * 90 + "B"],
)
def test_a_size_that_is_not_wholly_one_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        Size(text)


@pytest.mark.parametrize("value", [True, 7, -1, 1.5, float("nan"), float("inf")])
def test_a_bare_number_has_no_unit_and_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match=r".*"):
        Duration(value)


@given(st.integers(0, 10**9))
def test_what_is_written_reads_back_the_same(number: int) -> None:
    assert float(Duration(written(Duration(f"{number}s")))) == number
    assert Size(written(Size(f"{number} B"))) == number


@given(st.text())
def test_any_text_is_a_non_negative_quantity_or_refused(text: str) -> None:
    for kind in (Duration, Size):
        with suppress(ValueError):
            assert 0 <= kind(text) < float("inf")
