"""A claimed file whose name was taken meanwhile: told, kept, and brought back by undo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dvornik.collectors.temp import Temp
from dvornik.config import TempSection
from dvornik.maintenance_log import MaintenanceLog
from dvornik.model import Finding, Reason
from dvornik.quantities import Duration
from dvornik.storages import directories
from dvornik.storages.claims import Claims
from dvornik.storages.local import LocalStorage

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_file_whose_name_was_taken_is_told_and_comes_back_by_undo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "tmp"
    root.mkdir()
    (root / "report.csv").write_text("old")
    temp = Temp({"tmp": LocalStorage("tmp", str(root))}, TempSection(older_than=Duration("0")))
    (finding,) = [seen for seen in temp.scan(1 << 62, thorough=False) if isinstance(seen, Finding)]

    def objection(self: Claims, *_file: object) -> Reason:
        (root / "report.csv").write_text("new")  # the application writes the name anew while the file is claimed
        return Reason.CHANGED

    monkeypatch.setattr(directories, "inner", None)
    monkeypatch.setattr(Claims, "_objection", objection)
    outcome = temp.apply(finding, "20261122T000000Z-0000")
    assert [miss.reason for miss in outcome.missed] == [Reason.TAKEN]
    log = MaintenanceLog(tmp_path / "maintenance.log")
    log.outcome(outcome)
    log.close()
    assert "WARNING temp/old: not removed tmp:report.csv: taken" in (tmp_path / "maintenance.log").read_text()
    assert temp.set_aside() == {"20261122T000000Z-0000": (1, 4096)}
    (root / "report.csv").unlink()
    assert [back.done for back in temp.undo("20261122T000000Z-0000")] == [1]
    assert (root / "report.csv").read_text() == "old"
