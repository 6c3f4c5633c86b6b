"""Libraries of documents, pictures, music and videos; offices."""

from __future__ import annotations

import json
import string
from typing import TYPE_CHECKING

from tests.unit.applications.upload import Upload, day, guid, hexadecimal, letters, sha1, words

if TYPE_CHECKING:
    import random

    from tests.unit.applications.upload import Row

_NO_CAPITALS = string.ascii_lowercase + string.digits


def moodle(draw: random.Random, number: int) -> Upload:
    """Moodle: the content's digest below two parts of it."""
    own = hexadecimal(draw, 40)
    row = {"id": number, "contenthash": own, "pathnamehash": hexadecimal(draw, 40), "filename": f"{words(draw)}.pdf"}
    return Upload([f"filedir/{own[:2]}/{own[2:4]}/{own}"], [("mdl_files", row)])


def odoo(draw: random.Random, number: int) -> Upload:
    """Odoo: the content's digest below a part of it, and notes to its cleaner."""
    own = hexadecimal(draw, 40)
    row = {"id": number, "name": f"{words(draw)}.png", "store_fname": f"{own[:2]}/{own}", "checksum": own}
    return Upload([f"filestore/yard/{own[:2]}/{own}"], [("ir_attachment", row)])


def glpi(draw: random.Random, number: int) -> Upload:
    """GLPI: documents by their digest; pictures with a smaller one beside."""
    own, kind = hexadecimal(draw, 40), draw.choice(["PDF", "PNG"])
    picture = f"{hexadecimal(draw, 2)}/{number}_{hexadecimal(draw, 13)}"
    rows = [
        ("glpi_documents", {"id": number, "filepath": f"{kind}/{own[:2]}/{own[2:]}.{kind}", "sha1sum": own}),
        ("glpi_users", {"id": number, "name": words(draw), "picture": f"{picture}.jpg"}),
    ]
    files = [f"{kind}/{own[:2]}/{own[2:]}.{kind}", f"_pictures/{picture}.jpg", f"_pictures/{picture}_min.jpg"]
    return Upload(files, rows)


def nextcloud(draw: random.Random, number: int) -> Upload:
    """Nextcloud: a catalogue of files and folders; older versions in a tree of their own."""
    user, name = draw.choice(["ann", "bob", "carla"]), f"{words(draw)}.jpg"
    own = [f"files/Photos/{name}", f"files_versions/Photos/{name}.v{draw.randint(16 * 10**8, 17 * 10**8)}"]
    return Upload([f"{user}/{each}" for each in own], _catalogued(number, *own, "files", "files/Photos"))


def nextcloud_catalogue(draw: random.Random, number: int) -> Upload:
    """The same with previews by the file's number, which have rows and the same few names."""
    own, rows = nextcloud(draw, number)[:2]
    place = f"appdata_oc0a1b2c/preview/{'/'.join(hexadecimal(draw, 7))}/{number}"
    previews = [f"{place}/1024-768-max.jpg", f"{place}/256-256-crop.jpg"]
    return Upload([*own, *previews], [*rows, *_catalogued(number, *previews, "appdata_oc0a1b2c/preview", place)])


def _catalogued(number: int, *paths: str) -> list[Row]:
    return [("oc_filecache", {"fileid": number, "path": path, "name": path.rpartition("/")[2]}) for path in paths]


def nextcloud_previews(draw: random.Random, number: int) -> Upload:
    """Nextcloud's newer versions: previews have a table of their own, and no row holds their path."""
    name = f"{words(draw)}.jpg"
    place = f"appdata_oc0a1b2c/preview/{'/'.join(hexadecimal(draw, 7))}/{number}"
    rows: list[Row] = [
        ("oc_filecache", {"fileid": number, "path": f"files/Photos/{name}", "name": name}),
        ("oc_previews", {"id": number, "file_id": number, "width": 256, "height": 256, "cropped": 1}),
    ]
    return Upload([f"ann/files/Photos/{name}", f"{place}/256-256-crop.jpg"], rows)


def immich(draw: random.Random, number: int) -> Upload:
    """Immich: the asset's identifier in several trees."""
    user, own, ending = "0f1e2d3c-4b5a-4978-8695-a4b3c2d1e0ff", guid(draw), draw.choice([".jpg", ".heic"])
    cut = f"{user}/{own[:2]}/{own[2:4]}"
    files = [f"upload/{cut}/{own}{ending}", f"thumbs/{cut}/{own}-preview.jpeg", f"thumbs/{cut}/{own}-thumbnail.webp"]
    asset = {"id": own, "originalPath": f"/data/{files[0]}", "originalFileName": f"{words(draw)}{ending}"}
    made = [("asset_files", {"id": guid(draw), "assetId": own, "path": f"/data/{each}"}) for each in files[1:]]
    return Upload(files, [("asset", asset), *made])


def paperless(draw: random.Random, number: int) -> Upload:
    """Paperless-ngx: originals and archives as the rows say, thumbnails by the document's number."""
    path = f"{words(draw, ' ')}.pdf" if draw.random() < 0.5 else f"{number:07}.pdf"
    row = {
        "id": number,
        "title": words(draw),
        "filename": path,
        "archive_filename": path,
        "checksum": hexadecimal(draw, 32),
    }
    files = [f"originals/{path}", f"archive/{path}", f"thumbnails/{number:07}.webp"]
    return Upload(files, [("documents_document", row)])


def calibre(draw: random.Random, number: int) -> Upload:
    """Calibre: a directory a book, whose files have the title's and the author's name, without a row."""
    title, author = words(draw, " ").title(), draw.choice(["Ann Author", "Bob Writer"])
    place = f"{author}/{title} ({number})"
    rows = [
        ("books", {"id": number, "title": title, "path": place, "has_cover": 1}),
        ("data", {"book": number, "format": "EPUB", "name": f"{title} - {author}"}),
    ]
    return Upload([f"{place}/{title} - {author}.epub", f"{place}/cover.jpg", f"{place}/metadata.opf"], rows)


def plex(draw: random.Random, number: int) -> Upload:
    """Plex: a digest cut after its first sign, as a directory with an ending."""
    own = hexadecimal(draw, 40)
    place = f"Metadata/Movies/{own[0]}/{own[1:]}.bundle/Contents"
    files = [f"{place}/_combined/posters/tv.plex.agents.movie_{hexadecimal(draw, 40)}", f"{place}/_stored/x.xml"]
    return Upload(files, [("metadata_items", {"id": number, "title": words(draw), "hash": own})])


def jellyfin(draw: random.Random, number: int) -> Upload:
    """Jellyfin: a UUID without dashes, below its first two signs."""
    own = guid(draw)
    place = f"library/{own[:2]}/{own.replace('-', '')}"
    rows = [("BaseItems", {"Id": own.upper(), "Name": words(draw), "Path": f"/films/{words(draw)}.mkv"})]
    return Upload([f"{place}/poster.jpg", f"{place}/backdrop.jpg"], rows)


def peertube(draw: random.Random, number: int) -> Upload:
    """PeerTube: names by UUIDs; a directory a video for streaming, with its playlists."""
    video, own = guid(draw), guid(draw)
    place = f"streaming-playlists/hls/{video}"
    files = [
        f"web-videos/{own}-720.mp4", f"{place}/{own}-720-fragmented.mp4", f"{place}/{own}-720.m3u8",
        f"{place}/{own}-master.m3u8", f"{place}/{own}-segments-sha256.json", f"captions/{own}-en.vtt",
    ]  # fmt: skip
    rows = [
        ("video", {"id": number, "uuid": video, "name": words(draw)}),
        ("videoFile", {"id": number, "filename": f"{own}-720.mp4"}),
        ("videoFile", {"id": number, "filename": f"{own}-720-fragmented.mp4"}),
        ("videoStreamingPlaylist", {"id": number, "playlistFilename": f"{own}-master.m3u8"}),
        ("videoCaption", {"id": number, "filename": f"{own}-en.vtt"}),
    ]
    texts = {files[3]: f"#EXTM3U\n{own}-720.m3u8\n", files[2]: f"#EXTM3U\n{own}-720-fragmented.mp4\n"}
    return Upload(files, rows, texts)


def segments(draw: random.Random, number: int) -> Upload:
    """A player's upload: the row holds the video; segments lie in a directory by its stem, which playlists name."""
    stem = f"{words(draw)}-{number}"
    parts = [f"hls/{stem}/{height}p_{index:03}.ts" for height in (480, 720) for index in range(3)]
    lists = {f"hls/{stem}/{height}p.m3u8": f"#EXTM3U\n{height}p_000.ts\n{height}p_001.ts\n" for height in (480, 720)}
    row = {"id": number, "file": f"videos/{stem}.mp4", "hls": f"hls/{stem}/playlist.m3u8"}
    texts = {f"hls/{stem}/playlist.m3u8": "#EXTM3U\n480p.m3u8\n720p.m3u8\n", **lists}
    return Upload([f"videos/{stem}.mp4", *texts, *parts], [("videos", row)], texts)


def funkwhale(draw: random.Random, number: int) -> Upload:
    """Funkwhale: parts of a UUID above the name, and sizes of versatileimagefield."""
    own, cover = guid(draw), guid(draw)
    path, art = f"tracks/{own[:2]}/{own[2:4]}/{own[4:6]}/{own}.mp3", f"{cover[:2]}/{cover[2:4]}/{cover[4:6]}/{cover}"
    rows = [
        ("music_upload", {"id": number, "uuid": guid(draw), "audio_file": path}),
        ("common_attachment", {"id": number, "uuid": guid(draw), "file": f"attachments/{art}.jpg"}),
    ]
    sized = f"__sized__/attachments/{art}-crop-c0-5__0-5-200x200-95.jpg"
    return Upload([path, f"attachments/{art}.jpg", sized], rows)


def pixelfed(draw: random.Random, number: int) -> Upload:
    """Pixelfed: the row holds the path below another directory, and the thumbnail's."""
    stem = (
        f"m/_v2/{10**17 + number}/{hexadecimal(draw, 9)}-{hexadecimal(draw, 6)}/{letters(draw, 12)}/{letters(draw, 40)}"
    )
    row = {"id": number, "media_path": f"public/{stem}.jpg", "thumbnail_path": f"public/{stem}_thumb.jpg"}
    return Upload([f"{stem}.jpg", f"{stem}_thumb.jpg"], [("media", row)])


def photoprism(draw: random.Random, number: int) -> Upload:
    """PhotoPrism: thumbnails by the content's digest, descriptions by the original's name."""
    own, stem = hexadecimal(draw, 40), f"{draw.randint(2019, 2026)}/{draw.randint(1, 12):02}/{words(draw)}"
    thumbs = [f"cache/thumbnails/{own[0]}/{own[1]}/{own[2]}/{own}_{size}.jpg" for size in ("720x720_fit", "50x50_left")]
    row = {"id": number, "file_name": f"{stem}.jpg", "file_hash": own}
    return Upload([f"originals/{stem}.jpg", f"sidecar/{stem}.yml", *thumbs], [("files", row)])


def piwigo(draw: random.Random, number: int) -> Upload:
    """Piwigo: derivatives in a tree of their own, with two letters behind the name."""
    place = "/".join(day(draw))
    stem = f"{place}/{place.replace('/', '')}{draw.randint(0, 235959):06}-{hexadecimal(draw, 8)}"
    row = {"id": number, "file": f"{words(draw)}.jpg", "path": f"./upload/{stem}.jpg"}
    derived = [f"_data/i/upload/{stem}-{size}.jpg" for size in ("th", "me", "cu_e250")]
    return Upload([f"upload/{stem}.jpg", *derived], [("piwigo_images", row)])


def vaultwarden(draw: random.Random, number: int) -> Upload:
    """Vaultwarden: the cipher's UUID and the attachment's identifier."""
    cipher, own = guid(draw), hexadecimal(draw, 20)
    row = {"id": own, "cipher_uuid": cipher, "file_name": letters(draw, 60)}
    return Upload([f"attachments/{cipher}/{own}"], [("attachments", row)])


def mealie(draw: random.Random, number: int) -> Upload:
    """Mealie: a directory a recipe, with names that are the same in all."""
    own = guid(draw)
    files = [f"recipes/{own}/images/{size}original.webp" for size in ("", "min-", "tiny-")]
    return Upload(files, [("recipes", {"id": own.replace("-", ""), "name": words(draw), "image": letters(draw, 4)})])


def karakeep(draw: random.Random, number: int) -> Upload:
    """Karakeep: identifiers of the user and the asset; one name for all."""
    user, own = letters(draw, 24, _NO_CAPITALS), guid(draw)
    place = f"assets/{user}/{own}"
    row = {"id": own, "assetType": "screenshot", "userId": user, "contentType": "image/png"}
    return Upload([f"{place}/asset.bin", f"{place}/metadata.json"], [("assets", row)])


def linkwarden(draw: random.Random, number: int) -> Upload:
    """Linkwarden: the collection's and the link's number, which the rows hold as a path."""
    stem = f"archives/{draw.randint(1, 5)}/{number}"
    row = {"id": number, "image": f"{stem}.png", "pdf": f"{stem}.pdf", "readable": f"{stem}_readability.json"}
    return Upload([f"{stem}.png", f"{stem}.pdf", f"{stem}_readability.json"], [("Link", row)])


def suitecrm(draw: random.Random, number: int) -> Upload:
    """SuiteCRM: the note's UUID, without an ending."""
    own = guid(draw)
    return Upload([f"upload/{own}"], [("notes", {"id": own, "filename": f"{words(draw)}.pdf"})])


def espocrm(draw: random.Random, number: int) -> Upload:
    """EspoCRM: an identifier of seventeen digits, without an ending; thumbnails by a size."""
    own = hexadecimal(draw, 17)
    row = {"id": own, "name": f"{words(draw)}.png", "type": "image/png", "size": 5}
    return Upload([f"upload/{own}", f"upload/thumbs/{own}_x-small"], [("attachment", row)])


def dolibarr(draw: random.Random, number: int) -> Upload:
    """Dolibarr: a directory a document, by its reference."""
    own = f"FA2401-{number:04}"
    rows = [
        ("llx_facture", {"rowid": number, "ref": own, "last_main_doc": f"facture/{own}/{own}.pdf"}),
        ("llx_ecm_files", {"rowid": number, "filepath": f"facture/{own}", "filename": f"{own}.pdf"}),
    ]
    return Upload([f"facture/{own}/{own}.pdf", f"facture/{own}/{own}_preview.png"], rows)


def firefly(draw: random.Random, number: int) -> Upload:
    """Firefly III: a word and the attachment's number."""
    row = {"id": number, "md5": hexadecimal(draw, 32), "filename": f"{words(draw)}.pdf"}
    return Upload([f"upload/at-{number}.data"], [("attachments", row)])


def seafile(draw: random.Random, number: int) -> Upload:
    """Seafile: blocks by their digest, which no row holds."""
    own, library = hexadecimal(draw, 40), "5d1e2f3a-4b5c-4d6e-8f70-112233445566"
    rows: list[Row] = [("Repo", {"id": 1, "repo_id": library}), ("RepoFileCount", {"id": number, "file_count": number})]
    return Upload([f"storage/blocks/{library}/{own[:2]}/{own[2:]}"], rows)


def wallabag(draw: random.Random, number: int) -> Upload:
    """wallabag: the digest of the entry's number, parts of it above; pages name the pictures."""
    own = sha1(str(number))[:8]
    path = f"{own[0]}/{own[1]}/{own}/{hexadecimal(draw, 8)}.jpeg"
    page = f'<p>Read: <img src="https://bag.example/assets/images/{path}"></p>'
    return Upload([f"assets/images/{path}"], [("entry", {"id": number, "content": page})])


def label_studio(draw: random.Random, number: int) -> Upload:
    """Label Studio: eight signs before the name; tasks hold the address in JSON."""
    path = f"upload/{draw.randint(1, 9)}/{hexadecimal(draw, 8)}-{words(draw)}.png"
    rows = [
        ("data_import_fileupload", {"id": number, "file": path}),
        ("task", {"id": number, "data": json.dumps({"image": f"/data/{path}"})}),
    ]
    return Upload([path], rows)


NAMED = (
    moodle, odoo, glpi, nextcloud, immich, funkwhale, pixelfed, vaultwarden, linkwarden, suitecrm, wallabag,
    label_studio,
)  # fmt: skip
UNNAMED = (
    nextcloud_catalogue, nextcloud_previews, paperless, calibre, plex, jellyfin, peertube, segments, photoprism, piwigo,
    mealie, karakeep, espocrm, dolibarr, firefly, seafile,
)  # fmt: skip
