"""May this go now? Properties of the grace, and each gate at its boundary."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dvornik.model import Finding, Gate, Held, Reason, Survey, Told
from dvornik.policy import Policy, grace, judge
from dvornik.quantities import Duration, Size

NOW = 1_750_000_000_000_000_000
HOUR = 3600 * 10**9
HUNDRED = Survey("pub", "media", "db|disk", 100, 0, 100, 100, 100, has_references=True, exact=True)
moments = st.integers(NOW - 72 * HOUR, NOW + 72 * HOUR) | st.integers(NOW - 2 * HOUR, NOW + 2 * HOUR)
times = st.lists(moments, min_size=1, max_size=20)


def finding(seen: list[int]) -> Finding:
    names = [f"f{number}" for number in range(len(seen))]
    return Finding("media/orphan", "pub", "a", names, list(range(len(seen))), seen, [f"v{name}" for name in names])


def gates(policy: Policy, survey: Survey, before: Survey | None = None, count: int = 0, size: int = 0) -> set[Gate]:
    return {refusal.gate for refusal in judge(policy, survey, before, count, size)}


def seen(**changes: object) -> Survey:
    return msgspec.structs.replace(HUNDRED, **changes)


@given(times, st.integers(0, 48))
def test_nothing_younger_than_the_grace_ever_passes(seen: list[int], hours: int) -> None:
    policy = Policy(media_grace=Duration(f"{hours}h"))
    passed = [line for line in grace(policy, finding(seen), NOW) if isinstance(line, Finding)]
    assert all(time <= NOW - hours * HOUR for line in passed for time in line.times)


@given(times)
def test_whatever_is_dated_later_is_held_and_by_more_than_an_hour_as_of_the_future(seen: list[int]) -> None:
    lines = list(grace(Policy(media_grace=Duration("0")), finding(seen), NOW))
    held = {line.reason: line.count for line in lines if isinstance(line, Held)}
    assert held.get(Reason.FUTURE, 0) == sum(time > NOW + HOUR for time in seen)
    assert held.get(Reason.YOUNG, 0) == sum(NOW < time <= NOW + HOUR for time in seen)


@given(times)
def test_grace_loses_no_file_and_keeps_its_columns_together(seen: list[int]) -> None:
    whole = finding(seen)
    lines = list(grace(Policy(), whole, NOW))
    assert sorted(name for line in lines for name in line.names) == sorted(whole.names)
    rows = set(zip(whole.names, whole.sizes, whole.times, whole.versions, strict=True))
    for line in lines:
        if isinstance(line, Finding):
            assert set(zip(line.names, line.sizes, line.times, line.versions, strict=True)) <= rows


def test_at_its_grace_to_the_nanosecond_a_file_has_rested_long_enough() -> None:
    edge = NOW - 24 * HOUR
    lines = list(grace(Policy(), finding([edge, edge + 1]), NOW))
    assert [(type(line), list(line.names)) for line in lines] == [(Held, ["f1"]), (Finding, ["f0"])]


@given(
    st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**12), st.floats(0, 1),
    st.integers(1, 10**4),
)  # fmt: skip
def test_a_share_is_refused_exactly_above_its_cap_in_a_place_that_is_large_enough(  # noqa: PLR0913, PLR0917 - drawn
    items: int, matched: int, count: int, size: int, share: float, judged_from: int
) -> None:
    policy = Policy(max_share=share, judged_from=judged_from)
    survey = seen(items=items, matched=min(matched, items))
    refused = gates(policy, survey, count=count, size=size)
    assert (Gate.SHARE in refused) == (items >= judged_from and count > share * items)
    assert (Gate.ORPHANS in refused) == (items >= judged_from and items - survey.matched > 0.5 * items)


@pytest.mark.parametrize(("items", "count", "refused"), [(100, 20, set()), (100, 21, {Gate.SHARE}), (99, 99, set())])
def test_the_share_is_capped_from_a_hundred_files_up(items: int, count: int, refused: set[Gate]) -> None:
    assert gates(Policy(), seen(items=items, matched=items), count=count) == refused


@pytest.mark.parametrize(("matched", "refused"), [(50, set()), (49, {Gate.ORPHANS})])
def test_more_than_half_orphaned_is_distrusted(matched: int, refused: set[Gate]) -> None:
    assert gates(Policy(), seen(matched=matched)) == refused


@pytest.mark.parametrize(
    ("held", "matched", "count", "refused"),
    [
        (900, 100, 0, set()),  # nothing goes
        (900, 80, 20, set()),
        (900, 79, 21, {Gate.SHARE}),
        (900, 49, 20, {Gate.ORPHANS}),
        (950, 40, 10, set()),  # too few others to tell anything
        (1000, 0, 0, {Gate.NO_REFERENCES}),
    ],
)
def test_what_is_held_by_its_kind_neither_closes_a_gate_nor_hides_that_all_others_go(
    held: int, matched: int, count: int, refused: set[Gate]
) -> None:
    assert gates(Policy(), seen(items=1000, held=held, matched=matched), count=count) == refused


@pytest.mark.parametrize(("found", "refused"), [(50, set()), (49, {Gate.REFERENCES_MISSING})])
def test_less_than_half_of_the_references_found_is_distrusted(found: int, refused: set[Gate]) -> None:
    assert gates(Policy(), seen(found=found)) == refused


@pytest.mark.parametrize(("references", "refused"), [(80, set()), (79, {Gate.REFERENCES_FELL})])
def test_a_fall_of_the_references_by_more_than_a_fifth_is_distrusted(references: int, refused: set[Gate]) -> None:
    assert gates(Policy(), seen(references=references, found=references), HUNDRED) == refused
    plain = seen(exact=False, references=0, found=0)
    assert gates(Policy(), msgspec.structs.replace(plain, matched=references), plain) == refused


@pytest.mark.parametrize(
    ("before", "now", "source"),
    [
        ({"a.*": Told(20, 40, ["x"])}, {}, "a.*"),
        ({"a.*": Told(20, 40, ["x", "y"])}, {"a.*": Told(5, 40, ["x"])}, "a.*"),
        ({"a.*": Told(20, 40, ["x"])}, {"a.*": Told(0, 0, ["x"])}, ""),
        ({"a.*": Told(200, 400, ["x"])}, {"a.*": Told(100, 200, ["x"])}, "a.*"),
        ({"a.*": Told(200, 400, ["x"])}, {"a.*": Told(180, 360, ["x"])}, ""),
        ({"a.*": Told(200, 400, ["x"])}, {"b.*": Told(200, 400, ["x"])}, ""),
        ({"a.*": Told(0, 400, ["x"])}, {}, ""),
    ],
)
def test_a_source_that_is_gone_or_tells_much_less_is_named(
    before: dict[str, Told], now: dict[str, Told], source: str
) -> None:
    refusals = list(judge(Policy(), seen(sources=now), seen(sources=before), 0, 0))
    assert [each.facts["source"] for each in refusals] == ([source] if source else [])


def test_files_without_any_reference_are_distrusted_however_few() -> None:
    assert gates(Policy(), seen(items=1, matched=0, references=0, found=0)) == {Gate.NO_REFERENCES}


def test_an_empty_place_that_never_held_anything_is_no_reason_for_distrust() -> None:
    nothing = seen(items=0, matched=0, references=0, found=0)
    assert gates(Policy(), nothing) == set()
    assert gates(Policy(), nothing, nothing) == set()


def test_a_place_that_lost_all_its_files_is_distrusted_unless_none_of_them_was_needed() -> None:
    nothing = seen(items=0, matched=0, found=0)
    assert Gate.STORAGE_EMPTY in gates(Policy(), nothing, HUNDRED)
    assert Gate.STORAGE_EMPTY not in gates(Policy(), nothing, seen(matched=0))


@pytest.mark.parametrize(
    ("fingerprint", "refused"),
    [("db|disk", set()), ("other|disk", {Gate.DATABASE_CHANGED}), ("db|other", {Gate.STORAGE_CHANGED})],
)
def test_another_database_or_storage_than_before_is_distrusted(fingerprint: str, refused: set[Gate]) -> None:
    assert gates(Policy(), seen(fingerprint=fingerprint), HUNDRED) == refused


@pytest.mark.parametrize(
    ("policy", "refused"),
    [
        (Policy(max_count=9), {Gate.COUNT}), (Policy(max_count=10), set()),
        (Policy(max_bytes=Size("999 B")), {Gate.BYTES}), (Policy(max_bytes=Size("1000 B")), set()),
    ],
)  # fmt: skip
def test_count_and_bytes_are_capped_in_places_of_any_kind(policy: Policy, refused: set[Gate]) -> None:
    assert gates(policy, Survey("tmp", "temp", "disk", 10), count=10, size=1000) == refused


def test_places_without_references_are_never_distrusted() -> None:
    assert gates(Policy(), Survey("tmp", "temp", "disk", 1000, 5), HUNDRED, 1000, 5) == set()
