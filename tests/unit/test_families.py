"""Families: an unnamed file goes only where files of its shape are known to be named, or somebody says so."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from dvornik.model import Finding, Held, Reason
from dvornik.references import keys
from dvornik.references.families import Families
from dvornik.references.names import Names
from dvornik.references.shapes import decided, read
from tests.unit.layouts import Made
from tests.unit.test_families_fuzz import going, site_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.small_site import SmallSite

COUNTS = {"w.jpg": (1, 1)}


@pytest.fixture(params=["extension", "python"])
def either(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run with the extension and without it."""
    if request.param == "python":
        monkeypatch.setattr(keys, "inner", None)
    elif not keys.inner:
        pytest.skip("no compiler built the extension")


def known(text: str, *files: str) -> list[bool]:
    """Say of files whether a text makes them known."""
    names = Names("/srv/media", "/media/")
    for file in files:
        container, _slash, name = file.rpartition("/")
        names.add(container, [name])
    names.strike_texts([text.encode()])
    assert all(names.is_used(*file.rpartition("/")[::2]) for file in files)
    found = [names.is_known(*file.rpartition("/")[::2]) for file in files]
    assert found == [
        any(n for _f, n in names.sorted(c, [m])[1].values()) for c, _s, m in (f.rpartition("/") for f in files)
    ]
    return found


@pytest.mark.usefixtures("either")
@pytest.mark.parametrize(
    "text",
    [
        "docs/report 7.pdf",
        "report 7.pdf",
        " report 7.pdf\n",
        "/media/docs/report 7.pdf",
        "https://example.org/media/docs/report%207.pdf",
        '{"file": "report 7.pdf"}',
        '{"files": ["a.pdf", "report 7.pdf"]}',
        '<p>here: <a href="/media/docs/report%207.pdf">it</a></p>',
        '<p>here: <img src="report 7.pdf"></p>',
    ],
)
def test_a_value_makes_its_file_known(text: str) -> None:
    assert known(text, "docs/report 7.pdf") == [True]


@pytest.mark.usefixtures("either")
@pytest.mark.parametrize(
    "text",
    [
        "/media/docs/photo_1.png",
        "photo_1.png",
        'a:1:{s:4:"file";s:11:"photo_1.png";}',
        "{photo_1.png,photo_2.png}",
        "photo_2.png;photo_1.png",
        "see ![it](photo_1.png) there",
        "body { background: url(photo_1.png) }",
        "<image>photo_1.png</image>",
        "[img]photo_1.png[/img]",
        'see <img src="docs/photo_1.png?v=2"> there',
        "we saw docs/photo_1.png there",
        "C:\\site\\docs\\photo_1.png",
        '{"a":"\\/media\\/docs\\/photo_1.png"}',
        "docs/Photo_1.PNG",
    ],
)
def test_values_of_many_forms_make_a_file_known(text: str) -> None:
    assert known(text, "docs/photo_1.png") == [True]


@pytest.mark.usefixtures("either")
@pytest.mark.parametrize(
    "text",
    [
        "see report_7.pdf for details",
        'please open "report_7.pdf" and answer',
        "(report_7.pdf) is gone",
        "report_7.pdf is gone",
        "files: report_7.pdf, other.pdf",
        "I sent 'report_7.pdf'.",
        "report_7.pdf, report_8.pdf and so on",
        'he said: "report_7.pdf" twice',
        "https://elsewhere.example/pub/report_7.pdf",
    ],
)
def test_a_word_in_a_sentence_keeps_its_file_and_proves_no_family(text: str) -> None:
    assert known(text, "docs/report_7.pdf") == [False]


@pytest.mark.usefixtures("either")
def test_a_digest_or_a_uuid_in_a_sentence_proves_no_family() -> None:
    digest, uuid = "356a192b7913b04c54574d18c28d46e6395428ab", "2b06f7f1-1c2d-4e3f-8a9b-0123456789ab"
    assert known(f"see {digest} and {uuid} there", f"a/{uuid}.pdf") == [False]
    assert known(f'{{"file": "{uuid}", "more": true}}', f"a/{uuid}.pdf") == [True]
    assert known(f"/assets/{uuid}?key=card", f"a/{uuid}.pdf") == [True]
    assert known(f'["x", "{uuid}"]', f"a/{uuid}.pdf") == [True]
    assert known(f's:36:"{uuid}";', f"a/{uuid}.pdf") == [True]
    assert known(f'I meant "{uuid}" of course', f"a/{uuid}.pdf") == [False]
    assert known(f'he said: "{digest[:32]}.pdf" and "{uuid}"', f"{digest[:32]}.pdf", f"a/{uuid}.txt") == [False, False]
    assert known(f"see {digest[:2]}/{digest[2:]}", f"{digest[:2]}/{digest[2:]}.txt") == [False]


def test_names_beyond_ascii_are_known_by_their_values() -> None:
    assert known("Альбом/Лето 7.jpg", "Альбом/Лето 7.jpg") == [True]
    assert known('<img src="/media/%D0%B0/%D1%84_1.jpg">', "а/ф_1.jpg") == [True]
    assert known("смотри ф_1.jpg там", "а/ф_1.jpg") == [False]


def counted(*places: tuple[str, int, int]) -> Families:
    """Return families of directories with so many files and known ones."""
    families = Families()
    for container, files, named in places:
        families.add(container, {"w.jpg": (files, named)})
    families.settle()
    return families


@pytest.mark.parametrize(
    ("files", "named", "is_known"), [(2, 1, True), (19, 1, True), (20, 1, False), (20, 2, True), (5, 0, False)]
)
def test_one_in_ten_is_enough_from_twenty_files_on(files: int, named: int, *, is_known: bool) -> None:
    assert counted(("a", files, named)).of("a", "x.jpg").is_known is is_known


def test_the_first_level_keeps_its_words_and_numbers_are_one_class() -> None:
    families = counted(("photos/2024/01", 3, 1), ("photos/2023/12", 3, 0), ("video/2024/01", 3, 0))
    assert families.of("photos/2023/12", "x.jpg") == families.of("photos/2024/01", "y.jpg")
    assert families.of("photos/2024/01", "x.jpg").shape == "photos/{number}/{number}/{name}.jpg"
    assert not families.of("video/2024/01", "x.jpg").is_known


def test_parts_of_digests_and_many_siblings_are_one_class() -> None:
    shards = counted(*((f"{one}/{two}", 1, 1) for one in ("ab", "07", "f3", "1c") for two in ("aa", "3d", "99", "c0")))
    assert shards.of("ee", "x.jpg").shape == "{any}/{name}.jpg"
    assert shards.of("07/99", "x.jpg") == shards.of("ab/aa", "x.jpg")
    users = counted(*((f"users/{letter * 5}", 9, 1) for letter in "abcdefghijklmnopqrstuvw"))
    assert users.of("users/zzzzz", "x.jpg").files == 23 * 9


def test_a_place_of_a_million_directories_takes_a_few_counters() -> None:
    families = Families()
    for number in range(30_000):
        families.add(f"user-{number:x}z/album {number % 900}", COUNTS)
        families.add(f"a/b{number % 1000}c/d{number % 700}e/{number % 11}", {f"w.e{number % 300}": (1, 0)})
    families.settle()
    assert families.of("user-1fz/album 7", "x.jpg").files == 30_000
    assert families.count() < 11_000


def test_what_recurs_beside_other_names_is_a_family_of_its_own(tmp_path: Path) -> None:
    shop = [Made([f"s/cup{n}.jpg", f"s/cup{n}_o.jpg", f"s/mini_cup{n}.jpg"], [f"s/cup{n}.jpg"]) for n in range(5)]
    orphans = [Made(["s/lost9.jpg"], [])]
    assert going(site_of(tmp_path, shop, orphans, [])) == {"s/lost9.jpg"}


def test_a_shape_that_was_decided_holds_whatever_families_there_are_later() -> None:
    shape = read("albums/{any}/{name}_small.jpg")
    assert shape
    assert shape.has("albums/summer", "cup_small.jpg")
    assert not shape.has("albums/summer", "cup.jpg")
    assert not shape.has("albums", "cup_small.jpg")
    said = decided(["a/{number}/{hex}.png", "no shape"], ["t/{name}-{size}.jpg"])
    assert said.keeps("a/12", "0123456789abcdef0123456789abcdef.png")
    assert not said.keeps("a/b", "0123456789abcdef0123456789abcdef.png")
    assert said.debris[0].has("t", "x-150x150.jpg")


@pytest.fixture
def site(tmp_path: Path) -> SmallSite:
    site = site_of(tmp_path, [Made(["used/a1.jpg", "layers/roads.shp"], ["used/a1.jpg", "layers/roads.shp"])], [], [])
    for name in ("used/lost.jpg", "layers/lakes.dbf", "layers/rivers.dbf"):
        site.file(f"media/{name}")
    return site


def test_what_is_unfamiliar_waits_and_the_run_says_for_which_word(site: SmallSite) -> None:
    ran = site.dvornik("run", "media")
    assert ran.code == 0, ran.out + ran.err
    assert site.files() == {"used/a1.jpg", "layers/roads.shp", "layers/lakes.dbf", "layers/rivers.dbf"}
    assert "2 files (" in ran.out
    assert "dvornik families keep 'layers/{name}.dbf'" in ran.out
    assert "layers/{name}.dbf" in site.dvornik("why", "media/layers/rivers.dbf").out


def test_debris_and_keep_are_said_once_and_taken_back(site: SmallSite) -> None:
    assert site.dvornik("families", "debris", "layers/{name}.dbf").code == 0
    assert "debris" in site.dvornik("config").out
    assert going(site) == {"used/lost.jpg", "layers/lakes.dbf", "layers/rivers.dbf"}
    assert site.dvornik("families", "keep", "used/{name}.jpg").code == 0
    assert going(site) == {"layers/lakes.dbf", "layers/rivers.dbf"}
    for shape in ("layers/{name}.dbf", "used/{name}.jpg"):
        assert site.dvornik("families", "forget", shape).code == 0
    assert going(site) == {"used/lost.jpg"}


@pytest.mark.parametrize(
    "words", [["keep", "nix/{name}.jpg"], ["keep", "used/*"], ["forget", "used/{name}.jpg"], ["keep"]]
)
def test_a_word_on_no_family_is_an_error(site: SmallSite, words: list[str]) -> None:
    ran = site.dvornik("families", *words)
    assert ran.code == 2
    assert not (site.path / ".dvornik").exists() or not site.dvornik("config", "--json").out.count('"shape"')


def test_the_list_shows_what_is_named_and_held(site: SmallSite) -> None:
    listed = {each["shape"]: each for each in json.loads(site.dvornik("families", "--json").out)}
    dbf = listed["layers/{name}.dbf"]
    assert (dbf["files"], dbf["named"], dbf["unnamed"], dbf["held"]) == (2, 0, 2, 2)
    assert dbf["size"] > 0
    assert dbf["example"].startswith("layers/")
    one = json.loads(site.dvornik("families", "layers/{name}.dbf", "--json").out)[0]
    assert sorted(one["members"]) == ["layers/lakes.dbf", "layers/rivers.dbf"]


def test_globs_of_the_configuration_say_debris_too(site: SmallSite) -> None:
    path = site.path / "dvornik.toml"
    path.write_text(path.read_text() + 'debris = ["layers/*"]\n')
    assert going(site) == {"used/lost.jpg", "layers/lakes.dbf", "layers/rivers.dbf"}


def test_what_is_not_the_sites_media_stays(site: SmallSite) -> None:
    kept = [".immich", ".git/config", "wiki/.hg/a.i", "used/.nfs00000000001", "bare.git/HEAD", "bare.git/config",
            "bare.git/objects/ab/cd.jpg", "used/.trash/x.jpg"]  # fmt: skip
    for name in kept:
        site.file(f"media/{name}")
    site.sql("INSERT INTO article (body) VALUES ('bare.git/objects/ab/other.jpg')")
    assert going(site) == {"used/lost.jpg"}
    lines = [line for line in site.planned("media") if isinstance(line, Held)]
    assert any(line.reason is Reason.OPEN and ".nfs00000000001" in line.names for line in lines)
    assert not any(isinstance(line, Finding) and "bare" in line.container for line in site.planned("media"))


def test_a_decision_on_names_beyond_utf8_is_honoured(site: SmallSite) -> None:
    site.file("media/b\udce9/x.gif")
    assert site.dvornik("families", "debris", "b\udce9/{name}.gif").code == 0
    assert "b\udce9/x.gif" in going(site)


def test_the_families_of_many_files_are_counted_quickly() -> None:
    families, begun = Families(), time.process_time()
    for number in range(20_000):
        families.add(f"{number % 256:02x}/{number // 256:02x}", COUNTS)
    assert time.process_time() - begun < 2


CARDS = [
    Made([f"shop/{name}.jpg", f"shop/{name}_card.jpg"], [f"shop/{name}.jpg"]) for name in ("tea_1", "cup_2", "jug_3")
]


def test_a_rendition_goes_with_its_original_and_not_without(tmp_path: Path) -> None:
    lost = Made(["shop/old_4.jpg", "shop/old_4_card.jpg", "shop/gone_5_card.jpg"], [])
    assert going(site_of(tmp_path, CARDS, [lost], [])) == {"shop/old_4.jpg", "shop/old_4_card.jpg"}


def test_a_rendition_in_a_directory_of_styles_goes_with_its_original(tmp_path: Path) -> None:
    kept = [Made([f"{n}/shot_{n}.jpg", f"{n}/conversions/shot_{n}-thumb.png"], [f"shot_{n}.jpg"]) for n in range(5)]
    lost = Made(["9/shot_9.jpg", "9/conversions/shot_9-thumb.png", "8/conversions/shot_8-thumb.png"], [])
    assert going(site_of(tmp_path, kept, [lost], [])) == {"9/shot_9.jpg", "9/conversions/shot_9-thumb.png"}


@pytest.mark.parametrize(
    ("name", "stays"),
    [
        ("photo-1__FillWzEwMCwxMDBd.jpg", True),
        ("photo-1___media_library_original_1200_800.jpg", True),
        ("photo-1-3f2a9c1b.jpg", True),
        ("photo-1.3f2a9c1.jpg", True),
        ("photo-1_AbC12dE.jpg", False),  # Django's for another upload of the same name
        ("photo-2-3f2a9c1b.jpg", False),
    ],
)
def test_a_digest_behind_a_used_stem_is_a_rendition_from_the_first_file_on(
    tmp_path: Path, name: str, *, stays: bool
) -> None:
    site = site_of(tmp_path, [Made(["a/photo-1.jpg"], ["a/photo-1.jpg"])], [Made([f"a/{name}"], [])], [])
    assert going(site) == (set() if stays else {f"a/{name}"})


USER = "0f1e2d3c-4b5a-4978-8695-a4b3c2d1e0ff"


@pytest.mark.parametrize(("count", "goes"), [(3, False), (30, True)])
def test_a_user_s_key_keeps_nothing_where_most_directories_below_hold_named_files(
    tmp_path: Path, count: int, *, goes: bool
) -> None:
    paths = [f"upload/{USER}/b{number:02}/photo_{number}.jpg" for number in range(count)]
    lost = f"upload/{USER}/a1/lost_1.jpg"
    site = site_of(tmp_path, [Made([path], [path]) for path in paths], [Made([lost], [])], [])
    assert going(site) == ({lost} if goes else set())


def test_a_row_s_key_keeps_what_the_application_makes_paths_of(tmp_path: Path) -> None:
    pages = [f"books/{USER}/{number:02}/page.jpg" for number in range(30)]
    known = Made(["books/cover_1.jpg"], [USER, "books/cover_1.jpg"])
    assert not going(site_of(tmp_path, [Made([*known.files, *pages], known.values)], [], []))


def test_a_mention_of_one_file_does_not_open_the_row_s_own_directory(tmp_path: Path) -> None:
    names = [f"{number}{'b1c2d3e4' * 4}a" for number in range(6)]
    blocks = [Made([f"blocks/{USER}/91/{name}", f"blocks/{USER}/92/{name}f"], [USER]) for name in names]
    assert not going(site_of(tmp_path, blocks, [], [f"please look at {names[0]} again"]))
