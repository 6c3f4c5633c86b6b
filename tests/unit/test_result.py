"""What a run amounted to: the counts, and which trouble decides how it ended."""

from __future__ import annotations

import pytest

from dvornik.model import Finding, Gate, Held, Miss, Outcome, Reason, Refusal, Trouble
from dvornik.result import Result

PARTIAL = Held("temp/old", "tmp", "a", Reason.DENIED, 1, ["x"])
REFUSED = Refusal("pub", Gate.SHARE)
ALLOWED = Refusal("pub", Gate.SHARE, allowed=True)
LOST = Trouble("pub", "gone")
GONE = Refusal("", Gate.UNREACHABLE)


def result(*lines: Held | Refusal | Trouble) -> Result:
    made = Result("run", "run", ["temp"])
    for line in lines:
        made.saw(line)
    return made


@pytest.mark.parametrize(
    ("lines", "status", "code"),
    [
        ((), "done", 0), ((ALLOWED,), "done", 0), ((PARTIAL,), "partial", 3), ((REFUSED, PARTIAL), "refused", 10),
        ((LOST, REFUSED, PARTIAL), "unreachable", 12), ((LOST, GONE), "unreachable", 12),
    ],
)  # fmt: skip
def test_the_gravest_trouble_decides(lines: tuple[Held | Refusal | Trouble, ...], status: str, code: int) -> None:
    made = result(*lines)
    assert (made.status, made.exit_code) == (status, code)
    made.interrupted = True
    assert (made.status, made.exit_code) == ("interrupted", 130)


def test_a_keep_that_is_no_failure_is_no_failure() -> None:
    made = result(Held("temp/old", "tmp", "a", Reason.OPEN, 7, ["x"]))
    made.did(Outcome("temp/old", "tmp", "a", 1, missed=[Miss("y", Reason.CHANGED)]))
    assert (made.status, made.failed, made.held["temp/old", Reason.OPEN]) == ("done", 0, 7)
    assert made.total("temp/old").missed == {"changed": 1}


def test_failures_are_counted_to_the_last_and_named_up_to_a_thousand() -> None:
    made = result()
    made.did(Outcome("temp/old", "tmp", "a", 0, missed=[Miss(f"f{n}", Reason.IO_ERROR, "EIO") for n in range(1500)]))
    assert (made.failed, len(made.failures), made.failures[0].path) == (1500, 1000, "a/f0")


def test_totals_add_up_and_a_correction_takes_back() -> None:
    made = result()
    made.saw(Finding("media/orphan", "pub", "", ["a", "b"], [10, 20], [0, 0], ["", ""]))
    made.did(Outcome("media/orphan", "pub", "", 2, set_aside=30))
    made.did(Outcome("media/orphan", "pub", "", -1, set_aside=-20, missed=[Miss("b", Reason.REFERENCED)]))
    total = made.total("media/orphan")
    assert (total.found, total.found_size, total.done, total.set_aside) == (2, 30, 1, 10)
    assert made.summary() == {"done": 1, "freed": 0, "set_aside": 10, "failed": 0, "held": 0}
