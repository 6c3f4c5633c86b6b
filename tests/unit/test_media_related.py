"""What belongs to a used file stays with it: shapes of real applications, each beside an orphan that still goes."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, NamedTuple

import pytest

from dvornik.collectors.inventory import Inventory, Source
from dvornik.collectors.media import ORPHAN, RETURN, Media
from dvornik.model import Reason
from dvornik.storages.local import LocalStorage
from tests.unit.small_site import SmallSite
from tests.unit.test_media import RUN, findings, found, held, sqlite, take

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

SHA1, MD5 = hashlib.sha1(b"content").hexdigest(), hashlib.md5(b"content").hexdigest()  # noqa: S324 - as applications do
UUID = "2b06f7f1-1c2d-4e3f-8a9b-0123456789ab"
PAIRS = "/".join(UUID.replace("-", "")[at : at + 2] for at in range(0, 32, 2))
OWN_MD5 = hashlib.md5(b"ann@example.org").hexdigest()  # noqa: S324
OWN_SHA256 = hashlib.sha256("анна".encode()).hexdigest()


@pytest.fixture
def site(tmp_path: Path) -> SmallSite:
    site = SmallSite(tmp_path / "app")
    site.sql("INSERT INTO article (body) VALUES ('used/anchor_1.jpg')")
    site.file("media/used/anchor_1.jpg")
    site.file("media/used/zz_orphan_17.jpg")
    return site


def unknown(site: SmallSite) -> Media:
    """Collect media of an application none of whose columns is known, whatever the family."""
    root = str(site.path / "media")
    if site.previous:
        site.previous.tidy()
    places = {"media": Source(LocalStorage("media", root), root, "/media/", debris=["*"])}
    site.previous = made = Media(Inventory(places, {"default": sqlite(site)}, texts={}, exclude={}), quarantine=0)
    return made


class Shape(NamedTuple):
    """Cells of rows, files that are needed with what they hold, and files that are not."""

    cells: Sequence[str]
    needed: Mapping[str, str]
    orphans: Sequence[str] = ()


def files(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, "x")


MPD = '<MPD><BaseURL>v/</BaseURL><SegmentTemplate media="chunk-$RepresentationID$-$Number%05d$.m4s"/></MPD>'
SHAPES = {
    "a playlist of playlists": Shape(
        ["v/7f/master.m3u8"],
        {
            "v/7f/master.m3u8": "#EXTM3U\n720/index.m3u8\n", "v/7f/720/index.m3u8": "#EXTM3U\nseg_00001.ts\n",
            **files("v/7f/720/seg_00001.ts"),
        },
        ["v/7f/720/lost_0000a.ts"],
    ),
    "a template of segments": Shape(
        ["d/film.mpd"],
        {"d/film.mpd": MPD, **files("d/v/chunk-0-00001.m4s", "d/v/chunk-1-00002.m4s")},
        ["d/lost.m4s"],
    ),
    "a model with its buffers": Shape(
        ["/media/m/chair.gltf"],
        {
            "m/chair.gltf": '{"buffers":[{"uri":"geometry%201.bin"}],"images":[{"uri":"textures/oak.jpg"}]}',
            **files("m/geometry 1.bin", "m/textures/oak.jpg"),
        },
        ["m/textures/elm.jpg"],
    ),
    "tiles of a deep zoom": Shape(
        ["z/big.dzi"], files("z/big.dzi", "z/big_files/9/0_0.jpeg", "z/big_files/10/1_0.jpeg")
    ),
    "a page, its style and what that names": Shape(
        ["site/start.html"],
        {
            "site/start.html": '<link href="css/look.css">', "site/css/look.css": "body{background:url(../img/sky.png)",
            **files("site/img/sky.png"),
        },
        ["site/img/sea.png"],
    ),
    "a shapefile": Shape(["l/roads.shp"], files("l/roads.shp", "l/roads.dbf", "l/roads.shp.xml"), ["l/rivers.dbf"]),
    "subtitles and previews": Shape(
        ["c/clip.mp4"], files("c/clip.mp4", "c/clip.en.vtt", "c/clip-720p.mp4", "c/clip_poster.jpg"), ["c/other.en.vtt"]
    ),
    "sidecars": Shape(
        ["p/IMG_4711.HEIC", "p/raw.CR2"],
        files("p/IMG_4711.HEIC", "p/IMG_4711.MOV", "p/IMG_4711.xmp", "p/raw.CR2", "p/raw.CR2.xmp", "p/raw.jpg"),
        ["p/IMG_4712.MOV"],
    ),
    "packed and signed": Shape(
        ["f/app.css", "f/x.zip"],
        files("f/app.css", "f/app.css.gz", "f/app.css.br", "f/x.zip", "f/x.zip.sha256", "f/x.zip.asc"),
    ),
    "an unpacked book": Shape(["b/book.epub"], files("b/book.epub", "b/book/OEBPS/ch1.xhtml", "b/book/cover.jpg")),
    "styles in directories": Shape(
        ["ab12cd34ef56.mp4", "me.png"],
        files(
            "s/109/876/original/ab12cd34ef56.mp4", "s/109/876/small/ab12cd34ef56.png",
            "s/000/001/original/me.png", "s/000/001/hero/me.png",
        ),
    ),
    "optimised images": Shape(
        [f"original/1X/{SHA1}.png"], files(f"original/1X/{SHA1}.png", f"optimized/1X/{SHA1}_2_690x388.png")
    ),
    "a UUID cut in three": Shape([UUID], files("r/2b0/6f7/f1-1c2d-4e3f-8a9b-0123456789ab"), ["r/2b0/6f7/lost.csv"]),
    "a UUID cut in pairs": Shape([UUID], files(f"r/{PAIRS}/a.csv")),
    "a digest cut, and whole": Shape(
        [SHA1], files(f"fd/{SHA1[:2]}/{SHA1[2:4]}/{SHA1}", f"fe/{SHA1[:3]}/{SHA1[3:6]}/{SHA1[6:]}.bin")
    ),
    "a digest in a longer name": Shape([SHA1, MD5], files(f"a/123_{SHA1}.dat", f"a/0/12-{MD5}.jpg"), ["a/1_lost.dat"]),
    "digests of an address and a name": Shape(
        [" Ann@Example.org ", "Анна"], files(f"av/{OWN_MD5}.png", f"av/{OWN_SHA256}.jpg"), [f"av/{MD5}.png"]
    ),
    "names that were cleaned": Shape(
        ["Мой отчёт (final).pdf", "Übersicht & Plan.odt", "My summer photo!.jpg"],
        files(
            "n/moj-otchet-final.pdf", "n/Мой_отчёт_final.pdf", "n/final.pdf", "n/ubersicht-plan.odt",
            "n/My_summer_photo_x7Yz1Ab.jpg", "n/1700000000-my-summer-photo.jpg",
        ),
        ["n/moj-dogovor.pdf"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_what_belongs_to_a_used_file_stays_and_an_orphan_beside_it_goes(site: SmallSite, shape: Shape) -> None:
    for name, body in shape.needed.items():
        site.file(f"media/{name}", body=body.encode())
    for name in shape.orphans:
        site.file(f"media/{name}")
    site.sql("INSERT INTO article (body) VALUES (?)", *([cell] for cell in shape.cells))
    assert found(unknown(site)) == {"used/zz_orphan_17.jpg", *shape.orphans}


@pytest.mark.parametrize(
    ("used", "orphan"),
    [
        ("u/photo.jpg", "u/photo_a1B2c3D.jpg"), ("u/face.jpg", "u/face_1.jpg"), ("u/photo_2.jpg", "u/photo_1.jpg"),
        ("u/2024/01/photo.jpg", "u/2024/02/photo_x.jpg"), ("u/alice/face.jpg", "u/bob/head.jpg"),
        ("u/IMG_0001.JPG", "u/IMG_0002.JPG"), ("u/report.pdf", "u/report_old.pdf"),
        ("u/1a2b3c4d5e6f.jpg", "u/2a2b3c4d5e6f.jpg"), ("u/a/1.jpg", "u/a/2.jpg"),
        ("u/photo.jpg", "u/photo-1700000000.jpg"),
    ],
)  # fmt: skip
def test_another_upload_of_a_like_name_is_still_an_orphan(site: SmallSite, used: str, orphan: str) -> None:
    site.file(f"media/{used}")
    site.file(f"media/{orphan}")
    site.sql("INSERT INTO article (body) VALUES (?)", [used])
    assert orphan in found(unknown(site))


def test_what_a_text_in_quarantine_names_returns_with_it_and_is_not_purged(site: SmallSite) -> None:
    site.file("media/v/list.m3u8", body=b"#EXTM3U\nseg_00001.ts\n")
    site.file("media/v/seg_00001.ts")
    assert take(unknown(site)) == 3
    site.sql("INSERT INTO article (body) VALUES ('v/list.m3u8')")
    assert found(unknown(site), RETURN, thorough=True) == {"v/list.m3u8", "v/seg_00001.ts"}
    outcomes = list(unknown(site).purge(RUN))
    assert sum(outcome.done for outcome in outcomes) == 3
    assert {"v/list.m3u8", "v/seg_00001.ts"} <= site.files()


def test_a_text_written_between_scan_and_act_keeps_what_it_names(site: SmallSite) -> None:
    site.file("media/v/seg_00001.ts")
    collector = unknown(site)
    planned = findings(collector, ORPHAN)
    site.file("media/v/list.m3u8", body=b"#EXTM3U\nseg_00001.ts\n")
    assert sum(collector.apply(each, RUN).done for each in planned) == 2
    assert sum(outcome.done for outcome in collector.look_again(RUN)) == -1
    assert "v/seg_00001.ts" in site.files()


def test_texts_that_name_each_other_in_a_circle_end_and_an_orphaned_circle_goes(site: SmallSite) -> None:
    for name, other in (("one", "two"), ("two", "one"), ("lone", "ly"), ("ly", "lone")):
        site.file(f"media/w/{name}.html", body=f'<a href="{other}.html">'.encode())
    site.sql("INSERT INTO article (body) VALUES ('w/one.html')")
    assert found(unknown(site)) == {"used/zz_orphan_17.jpg", "w/lone.html", "w/ly.html"}


def test_a_chain_of_texts_is_followed_to_its_end(site: SmallSite) -> None:
    for number in range(150):
        site.file(f"media/w/page{number:03}x.html", body=f"page{number + 1:03}x.html".encode())
    site.sql("INSERT INTO article (body) VALUES ('w/page000x.html')")
    assert found(unknown(site)) == {"used/zz_orphan_17.jpg"}


def test_no_link_is_followed_and_no_pipe_waited_for_where_texts_are_read(site: SmallSite) -> None:
    site.file("secret.html", body=b"zz_orphan_17.jpg")
    (site.path / "media/used/page.html").symlink_to(site.path / "secret.html")
    os.mkfifo(site.path / "media/used/feed.xml")
    site.sql("INSERT INTO article (body) VALUES ('used/page.html used/feed.xml')")
    assert found(unknown(site)) == {"used/zz_orphan_17.jpg"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_used_text_that_cannot_be_read_holds_what_lies_beside_it(site: SmallSite) -> None:
    site.file("media/v/list.m3u8", body=b"seg_1.ts").chmod(0)
    site.file("media/v/seg_1.ts")
    site.sql("INSERT INTO article (body) VALUES ('v/list.m3u8')")
    assert held(unknown(site))["v/seg_1.ts"] is Reason.UNSEARCHABLE


def test_a_file_of_binary_data_is_no_text_whatever_it_is_called(site: SmallSite) -> None:
    site.file("media/used/data.html", body=b"\0\1\2zz_orphan_17.jpg")
    site.sql("INSERT INTO article (body) VALUES ('used/data.html')")
    assert found(unknown(site)) == {"used/zz_orphan_17.jpg"}


def test_a_catalogue_of_folders_and_files_does_not_hold_its_orphans(site: SmallSite) -> None:
    named = [f"files/2024/spring/pic_{number}a.jpg" for number in range(4)]
    for name in [*named, "files/2024/spring/lost_9b.jpg", "files/2024/album/only_the_folder.jpg"]:
        site.file(f"media/{name}")
    rows = ["files/2024", "files/2024/spring", "files/2024/album", *named]
    site.sql("INSERT INTO article (body) VALUES (?)", *([row] for row in rows))
    assert found(unknown(site)) == {"used/zz_orphan_17.jpg", "files/2024/spring/lost_9b.jpg"}


def test_a_page_that_something_names_is_read_though_it_stands_alone(site: SmallSite) -> None:
    site.file("media/app/index.html", body=b'<script src="../lib/run.js">')
    site.file("media/lib/run.js")
    site.sql("INSERT INTO article (body) VALUES ('app/index.html')")
    assert found(unknown(site)) == {"used/zz_orphan_17.jpg"}


def test_a_word_and_the_number_of_a_row_are_held_where_rows_store_no_such_names(site: SmallSite) -> None:
    site.sql("CREATE TABLE _msg (id INTEGER PRIMARY KEY, summary TEXT)")
    for name in (
        "db/0/msg3",
        "db/0/file12",
        "db/0/photo_7.jpg",
        "db/1/photo_8.jpg",
        "db/1/photo_9.jpg",
        "db/0/lost_7.jpg",
    ):
        site.file(f"media/{name}")
    site.sql("INSERT INTO article (body) VALUES ('see msg3'), ('db/1/photo_8.jpg')")
    assert found(unknown(site)) == {"used/zz_orphan_17.jpg", "db/1/photo_9.jpg", "db/0/lost_7.jpg"}
