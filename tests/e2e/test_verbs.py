"""The verbs of the dvornik command, on the populated reference site."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.e2e.keeper import Keeper, tree
from tests.site.site import BACKEND


def _run_id(keeper: Keeper) -> str:
    found: str = json.loads(keeper.dvornik("history", "--json").out)[0]["id"]
    return found


def test_a_plan_is_reviewed_and_applied_by_its_digest(keeper: Keeper, tmp_path: Path) -> None:
    path = str(tmp_path / "plan.jsonl")
    planned = keeper.dvornik("plan", "-o", path)
    digest = re.search(r"digest ([0-9a-f]{16})", planned.out)
    assert digest
    before = tree(keeper.site.media)
    assert keeper.dvornik("apply", path, "--digest", "0000").code == 2
    assert tree(keeper.site.media) == before
    ran = keeper.dvornik("apply", path, "--digest", digest[1])
    assert (ran.code, ran.lines[-1]) == (0, "✅ Cleanup finished successfully!")
    assert not (keeper.site.media / keeper.site.manifest.orphaned[0]).exists()


def test_a_plan_never_overwrites_a_file(keeper: Keeper, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("mine")
    assert keeper.dvornik("plan", "-o", str(taken)).code == 2
    assert taken.read_text() == "mine"


def test_an_edited_plan_is_refused_before_anything_is_touched(keeper: Keeper, tmp_path: Path) -> None:
    path = tmp_path / "plan.jsonl"
    keeper.dvornik("plan", "-o", str(path))
    path.write_bytes(path.read_bytes().replace(b"media/orphan", b"media/orphen"))
    before = keeper.site.files()
    assert keeper.dvornik("apply", str(path)).code == 2
    assert keeper.site.files() == before


def test_a_plan_on_a_disk_that_fails_is_told_of_and_is_no_traceback(keeper: Keeper) -> None:
    ran = keeper.dvornik("apply", "/proc/self/mem")  # reads of it end in EIO
    assert ran.code == 1
    assert "❌ The system refuses: Input/output error" in ran.err
    assert "Traceback" not in ran.err


def test_why_names_the_row_that_refers_to_a_file(keeper: Keeper) -> None:
    document = next(name for name in keeper.site.manifest.used if name.startswith("documents/"))
    ran = keeper.dvornik("why", str(keeper.site.media / document))
    assert "default/journal_document.file id=" in ran.out


def test_why_lists_where_it_looked_in_vain(keeper: Keeper) -> None:
    ran = keeper.dvornik("why", "--json", str(keeper.site.media / keeper.site.manifest.orphaned[0]))
    (evidence,) = json.loads(ran.out)
    assert "verdict" not in evidence or evidence["verdict"] is None
    assert evidence["looked"]["default/journal_article.body"] == keeper.site.manifest.articles


def test_why_takes_what_a_run_prints_and_paths_below_a_root(keeper: Keeper) -> None:
    orphan, used = keeper.site.manifest.orphaned[0], keeper.site.manifest.used[0]
    printed = re.search(r"media/orphan: (.+)", keeper.dvornik("run", "media", "--dry-run").out)
    assert printed
    for told in (printed[1], f"media/default:{orphan}", orphan, str(keeper.site.media / orphan)):
        assert "It may go" in keeper.dvornik("why", told).out
    ran = keeper.dvornik("why", "--json", orphan, used, str(keeper.site.media))
    told = json.loads(ran.out)
    assert [Path(each["path"]).name for each in told] == [Path(each).name for each in (orphan, used)]
    assert [bool(each.get("verdict")) for each in told] == [False, True]


def test_why_says_that_media_is_too_young_yet(keeper: Keeper) -> None:
    fresh = keeper.site.media / "just uploaded.bin"
    fresh.write_bytes(b"a row for it comes in a moment")
    keeper.env["DVORNIK_POLICY_MEDIA_GRACE"] = "24h"
    ran = keeper.dvornik("why", str(fresh))
    assert "It stays: too young" in ran.out
    assert "goes after 24 h" in ran.out


def test_why_tells_the_age_of_a_temporary_file(keeper: Keeper) -> None:
    ran = keeper.dvornik("why", str(keeper.site.temp / keeper.site.manifest.old_temp[0]))
    assert "goes after 24 h" in ran.out
    assert keeper.dvornik("why", "/etc/hostname").code == 2


def test_history_and_show_tell_what_a_run_did(keeper: Keeper) -> None:
    keeper.cleanup()
    ran = keeper.dvornik("show", _run_id(keeper))
    assert all(Path(name).name in ran.out for name in keeper.site.manifest.orphaned)
    assert "📁 Removed 15 temporary files" in ran.out
    assert keeper.dvornik("show").out == ran.out
    assert keeper.dvornik("show", "1970").code == 2


def test_undo_takes_the_run_that_is_named_and_purge_lets_go(keeper: Keeper) -> None:
    keeper.cleanup()
    run = _run_id(keeper)
    assert keeper.dvornik("purge").out.splitlines()[0] == "🧺 Emptied 0 files from quarantine"
    assert keeper.dvornik("undo", run[:15]).code == 0
    keeper.cleanup()
    ran = keeper.dvornik("purge", "--all")
    assert ran.out.splitlines()[0] == "🧺 Emptied 7 files from quarantine"
    assert keeper.dvornik("undo").out.strip().startswith("Nothing is set aside")
    assert not (keeper.site.media / keeper.site.manifest.orphaned[0]).exists()


def test_doctor_shows_one_screen_and_changes_nothing(keeper: Keeper) -> None:
    before = tree(keeper.site.path)
    ran = keeper.dvornik("doctor")
    assert ran.code == 0, ran.out
    media = [name for name in keeper.site.files() if name.startswith("media/")]
    assert f"media/default: {len(media)} files" in ran.out
    assert tree(keeper.site.path) == before


def test_doctor_names_a_problem_with_its_remedy(keeper: Keeper) -> None:
    keeper.site.database.unlink()
    ran = keeper.dvornik("doctor", "--json")
    assert ran.code == 1
    assert any("default" in problem["problem"] for problem in ran.document["problems"])
    assert all(problem["remedy"] for problem in ran.document["problems"])


@pytest.mark.parametrize("flags", [(), ("--full",)])
def test_init_writes_a_configuration_that_is_right(keeper: Keeper, tmp_path: Path, flags: tuple[str, ...]) -> None:
    backend = tmp_path / "backend"
    shutil.copytree(BACKEND, backend, ignore=shutil.ignore_patterns("dvornik*.toml", "logs", "tmp", ".dvornik*"))
    before = keeper.dvornik("config", "--json", cwd=backend).document
    assert keeper.dvornik("init", *flags, cwd=backend).code == 0
    assert keeper.dvornik("init", *flags, cwd=backend).code == 2
    after = keeper.dvornik("config", "--json", cwd=backend)
    assert (after.code, after.document["roots"]) == (0, before["roots"])
    assert {item["what"] for item in after.document["found"]} == {item["what"] for item in before["found"]}
    assert (len((backend / "dvornik.toml").read_text().splitlines()) <= 40) is (not flags)


def test_a_brief_configuration_holds_what_was_found_and_names_the_full_one(keeper: Keeper) -> None:
    brief, full = keeper.dvornik("init", "-o", "-").out, keeper.dvornik("init", "--full", "-o", "-").out
    assert f'root = "{keeper.site.media}"' in brief
    assert "dvornik init --full" in brief
    assert ("truncate_over" in brief, "truncate_over" in full) == (False, True)


def test_health_answers_in_both_forms(keeper: Keeper) -> None:
    assert keeper.dvornik("health").code == 0
    assert json.loads(keeper.dvornik("health", "--json").out) == []


def test_dvornik_speaks_the_language_of_the_locale(keeper: Keeper) -> None:
    assert "Would remove" in keeper.dvornik("run", "--dry-run", "temp").out
    assert "Будет удалено" in keeper.dvornik("run", "--dry-run", "temp", env={"LANG": "ru_RU.UTF-8"}).out


def test_a_wrong_setting_names_file_key_and_remedy_and_touches_nothing(keeper: Keeper, tmp_path: Path) -> None:
    wrong = tmp_path / "dvornik.toml"
    wrong.write_text('[temp]\nolder_than = "7"\npathz = ["tmp"]\n')
    before = tree(keeper.site.path)
    ran = keeper.dvornik("run", "--config", str(wrong))
    assert ran.code == 2
    assert all(word in ran.err for word in (str(wrong), "older_than", "pathz", "paths"))
    assert tree(keeper.site.path) == before


def test_an_error_as_json_is_json(keeper: Keeper) -> None:
    ran = keeper.cleanup("--json", "--config", "/no/such/file.toml")
    assert (ran.code, ran.document["exit_code"]) == (2, 2)
    assert ran.document["error"]["hint"]
