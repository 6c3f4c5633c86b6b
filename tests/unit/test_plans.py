"""The plan file: what is read is what was written, or nothing at all."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dvornik import plans
from dvornik.errors import ConfigurationError
from dvornik.model import Finding, Gate, Held, Reason, Refusal, Survey, Trouble

HEADER = plans.Header("run", 1, "0", ["temp"], False, "c", {"temp/tmp": "1:2"}, [])  # noqa: FBT003 - positional by design
# Any bytes but NUL and the slash may be a name; Python shows what is not UTF-8 as lone surrogates.
names = st.binary(min_size=1, max_size=20).filter(lambda raw: b"/" not in raw and b"\0" not in raw)
names_of_files = names.map(lambda raw: raw.decode("utf-8", "surrogateescape"))


def written(*lines: plans.Line) -> io.BytesIO:
    file = io.BytesIO()
    writer = plans.PlanWriter(file)
    for line in (HEADER, *lines):
        writer.add(line)
    writer.finish()
    return file


@given(st.lists(names_of_files, min_size=1, max_size=5), names_of_files)
def test_names_of_any_bytes_survive(listed: list[str], container: str) -> None:
    finding = Finding("temp/old", "tmp", container, listed, [1] * len(listed), [2] * len(listed), ["v"] * len(listed))
    assert list(plans.read(written(finding))) == [HEADER, finding]


@given(st.text(st.characters(exclude_categories=[]), max_size=20))
def test_texts_that_look_like_escapes_survive(text: str) -> None:
    trouble = Trouble(text, r"\udc80" + text)
    assert list(plans.read(written(trouble))) == [HEADER, trouble]


def test_every_kind_of_line_comes_back_as_it_was_and_can_be_asked_for_alone() -> None:
    lines: list[plans.Line] = [
        Finding("temp/old", "tmp", "", ["a"], [1], [2], ["v"]),
        Held("temp/old", "tmp", "", Reason.OPEN, 1, ["b"]),
        Survey("tmp", "temp", "1:2", 2),
        Refusal("tmp", Gate.COUNT, {"limit": 1}, "temp", ["temp/old"]),
        Trouble("tmp", "gone"),
    ]
    file = written(*lines)
    assert list(plans.read(file)) == [HEADER, *lines]
    for line in lines:
        assert list(plans.read(file, only=[type(line)])) == [line]


def test_a_line_is_json_that_other_programs_read() -> None:
    file = written(Finding("temp/old", "tmp", "\udcff", ['"\n'], [1], [2], ["v"]))
    for line in file.getvalue().splitlines():
        json.loads(line)


@given(st.data())
def test_a_plan_that_was_changed_anywhere_yields_no_line(data: st.DataObject) -> None:
    whole = written(Finding("temp/old", "tmp", "a", ["x", "y"], [1, 2], [3, 4], ["v", "w"])).getvalue()
    at = data.draw(st.integers(0, len(whole) - 2))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != whole[at]))
    _must_be_refused(whole[:at] + bytes([byte]) + whole[at + 1 :])


@given(st.data())
def test_a_plan_that_was_cut_off_anywhere_yields_no_line(data: st.DataObject) -> None:
    whole = written(Finding("temp/old", "tmp", "a", ["x", "y"], [1, 2], [3, 4], ["v", "w"])).getvalue()
    _must_be_refused(whole[: data.draw(st.integers(0, len(whole) - 2))])


def test_a_plan_with_a_line_left_out_or_twice_yields_no_line() -> None:
    lines = written(Trouble("a", "b"), Trouble("c", "d")).getvalue().splitlines(keepends=True)
    _must_be_refused(b"".join(lines[:1] + lines[2:]))
    _must_be_refused(b"".join([lines[0], lines[1], *lines[1:]]))
    _must_be_refused(b"".join(lines[1:]))


def test_a_plan_of_another_format_is_refused() -> None:
    file = io.BytesIO()
    writer = plans.PlanWriter(file)
    writer.add(plans.Header("run", 1, "0", [], False, "c", {}, format=plans.FORMAT + 1))  # noqa: FBT003 - as above
    writer.finish()
    _must_be_refused(file.getvalue())


def test_a_file_without_a_header_is_refused() -> None:
    file = io.BytesIO()
    writer = plans.PlanWriter(file)
    writer.add(Finding("temp/old", "tmp", "a", ["x"], [1], [2], ["v"]))
    writer.finish()
    _must_be_refused(file.getvalue())


def test_the_digest_is_that_of_the_lines() -> None:
    file = written()
    assert plans.digest(file) == plans.digest(written())
    assert plans.digest(file) != plans.digest(written(Trouble("a", "b")))


def _must_be_refused(content: bytes) -> None:
    with pytest.raises(ConfigurationError):
        next(plans.read(io.BytesIO(content)))
