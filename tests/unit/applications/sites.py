"""Content management, shops, and what frameworks bring along."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.unit.applications.upload import Upload, day, guid, hexadecimal, letters, md5, words

if TYPE_CHECKING:
    import random

    from tests.unit.applications.upload import Row


def ckan(draw: random.Random, number: int) -> Upload:
    """CKAN: the resource's UUID cut in three."""
    own = guid(draw)
    row = {"id": own, "package_id": guid(draw), "url": f"{words(draw)}.csv", "url_type": "upload"}
    return Upload([f"resources/{own[:3]}/{own[3:6]}/{own[6:]}"], [("resource", row)])


def directus(draw: random.Random, number: int) -> Upload:
    """Directus: a UUID, and renditions with a digest behind it."""
    own = guid(draw)
    row = {"id": own, "storage": "local", "filename_disk": f"{own}.jpg", "filename_download": f"{words(draw)}.jpg"}
    return Upload([f"{own}.jpg", f"{own}__{hexadecimal(draw, 40)}.jpg"], [("directus_files", row)])


def mediawiki(draw: random.Random, number: int) -> Upload:
    """MediaWiki: below the digest of the name; thumbnails in a directory by the name, older versions by a time."""
    name = f"{words(draw, '_').capitalize()}.jpg"
    cut = f"{md5(name)[0]}/{md5(name)[:2]}"
    old = f"{''.join(day(draw))}{draw.randint(0, 235959):06}!{name}"
    thumbs = [f"thumb/{cut}/{name}/{width}px-{name}" for width in (120, 800)]
    rows: list[Row] = [
        ("image", {"img_name": name, "img_size": 5}),
        ("oldimage", {"oi_name": name, "oi_archive_name": old}),
    ]
    return Upload([f"{cut}/{name}", *thumbs, f"archive/{cut}/{old}"], rows)


def drupal(draw: random.Random, number: int) -> Upload:
    """Drupal: image styles in trees of their own."""
    year, month, _day = day(draw)
    path = f"{year}-{month}/{words(draw, '_')}.jpg"
    styles = [f"styles/thumbnail/public/{path}", f"styles/large/public/{path}.webp"]
    row = {"fid": number, "filename": path.rpartition("/")[2], "uri": f"public://{path}", "status": 1}
    beside = ["css/css_0aB1c2-dEf_gH3.css", "php/twig/0a1b2c3d_page.html.twig_x/0aB1.php"] if number == 1 else []
    return Upload([path, *styles, *beside], [("file_managed", row)])


def shopware(draw: random.Random, number: int) -> Upload:
    """Shopware: three parts of a digest, a time; the row holds the name apart from its ending."""
    digest, stem, time = hexadecimal(draw, 32), f"{words(draw)}", draw.randint(16 * 10**8, 17 * 10**8)
    place = f"{digest[:2]}/{digest[2:4]}/{digest[4:6]}/{time}"
    row = {"id": bytes.fromhex(hexadecimal(draw, 32)), "file_name": stem, "file_extension": "jpg"}
    return Upload([f"media/{place}/{stem}.jpg", f"thumbnail/{place}/{stem}_400x400.jpg"], [("media", row)])


def magento(draw: random.Random, number: int) -> Upload:
    """Magento: two letters of the name, and caches by the digest of a size."""
    name = f"{words(draw, '_')}.jpg"
    path = f"{name[0]}/{name[1]}/{name}"
    caches = [f"catalog/product/cache/{md5(size)}/{path}" for size in ("small", "large")]
    row = {"value_id": number, "value": f"/{path}", "media_type": "image"}
    return Upload([f"catalog/product/{path}", *caches], [("catalog_product_entity_media_gallery", row)])


def joomla(draw: random.Random, number: int) -> Upload:
    """Joomla: the path in articles and in JSON."""
    path = f"images/{draw.choice(['headers', 'banners', 'blog'])}/{words(draw)}.jpg"
    images = {"image_intro": f"{path}#joomlaImage://local-{path}?width=700&height=180"}
    return Upload([path], [("jos_content", {"id": number, "introtext": "<p>Hello</p>", "images": json.dumps(images)})])


def prestashop(draw: random.Random, number: int) -> Upload:
    """PrestaShop: the digits of the picture's number, and its sizes."""
    place = f"img/p/{'/'.join(str(number))}"
    files = [f"{place}/{number}.jpg", f"{place}/{number}-home_default.jpg", f"{place}/index.php"]
    return Upload(files, [("ps_image", {"id_image": number, "id_product": number // 2, "cover": 1})])


def ghost(draw: random.Random, number: int) -> Upload:
    """Ghost: sizes in trees of their own, and the untouched original beside."""
    year, month, _day = day(draw)
    stem = f"{year}/{month}/{words(draw)}"
    body = f'<img src="__GHOST_URL__/content/images/{stem}.jpg" alt="it">'
    files = [f"{stem}.jpg", f"{stem}_o.jpg", f"size/w600/{stem}.jpg", f"size/w600/format/webp/{stem}.jpg"]
    return Upload(
        [f"content/images/{each}" for each in files], [("posts", {"id": hexadecimal(draw, 24), "html": body})]
    )


def strapi(draw: random.Random, number: int) -> Upload:
    """Strapi: a name and a digest, and words of sizes before them."""
    own = f"{words(draw, '_')}_{hexadecimal(draw, 10)}"
    sizes = [f"{size}_{own}.jpg" for size in ("thumbnail", "small", "medium")]
    formats = {size.partition("_")[0]: {"hash": size[:-4], "url": f"/uploads/{size}"} for size in sizes}
    row = {"id": number, "hash": own, "ext": ".jpg", "url": f"/uploads/{own}.jpg", "formats": json.dumps(formats)}
    return Upload([f"{own}.jpg", *sizes], [("files", row)])


def spatie(draw: random.Random, number: int) -> Upload:
    """Spatie's media library for Laravel: a directory by the row's number, conversions below."""
    stem = words(draw)
    below = [f"conversions/{stem}-thumb.jpg", f"responsive-images/{stem}___media_library_original_1200_800.jpg"]
    row = {"id": number, "uuid": guid(draw), "name": stem, "file_name": f"{stem}.jpg", "disk": "public"}
    return Upload([f"{number}/{each}" for each in (f"{stem}.jpg", *below)], [("media", row)])


def carrierwave(draw: random.Random, number: int) -> Upload:
    """CarrierWave: the model, the column and the row's number; versions by a word before the name."""
    name = f"{words(draw, '_')}.jpg"
    files = [f"uploads/user/avatar/{number}/{each}{name}" for each in ("", "thumb_", "large_")]
    return Upload(files, [("users", {"id": number, "avatar": name})])


def carrierwave_same(draw: random.Random, number: int) -> Upload:
    """The same where all files are called alike."""
    files = [f"uploads/user/avatar/{number}/{each}image.jpg" for each in ("", "thumb_")]
    return Upload(files, [("users", {"id": number, "avatar": "image.jpg"})])


def paperclip(draw: random.Random, number: int) -> Upload:
    """Mastodon: a long number in threes, a poster of another kind in a style."""
    digits, stem = f"{109 * 10**15 + number * 7_919_000_000_001:018}", hexadecimal(draw, 16)
    place = "/".join(digits[at : at + 3] for at in range(0, 18, 3))
    row = {"id": int(digits), "file_file_name": f"{stem}.mp4", "thumbnail_file_name": None}
    files = [f"media_attachments/files/{place}/{each}" for each in (f"original/{stem}.mp4", f"small/{stem}.png")]
    return Upload(files, [("media_attachments", row)])


def typo3(draw: random.Random, number: int) -> Upload:
    """TYPO3: processed files by a digest behind the name."""
    stem, digest = words(draw, "_"), hexadecimal(draw, 10)
    processed = f"_processed_/{digest[0]}/{digest[1]}/csm_{stem}_{digest}.jpg"
    rows = [
        ("sys_file", {"uid": number, "identifier": f"/user_upload/{stem}.jpg"}),
        ("sys_file_processedfile", {"uid": number, "original": number, "identifier": f"/{processed}"}),
    ]
    return Upload([f"user_upload/{stem}.jpg", processed], rows)


def silverstripe(draw: random.Random, number: int) -> Upload:
    """SilverStripe: ten signs of the digest above the name, variants behind it."""
    digest, stem = hexadecimal(draw, 40), words(draw)
    row = {"ID": number, "FileFilename": f"Uploads/{stem}.jpg", "FileHash": digest}
    files = [f"Uploads/{digest[:10]}/{stem}.jpg", f"Uploads/{digest[:10]}/{stem}__FillWzEwMCwxMDBd.jpg"]
    return Upload(files, [("File", row)])


def october(draw: random.Random, number: int) -> Upload:
    """October: nine signs of the name above it, thumbnails by the row's number."""
    name = hexadecimal(draw, 22)
    place = f"uploads/public/{name[:3]}/{name[3:6]}/{name[6:9]}"
    row = {"id": number, "disk_name": f"{name}.jpg", "file_name": f"{words(draw)}.jpg"}
    return Upload([f"{place}/{name}.jpg", f"{place}/thumb_{number}_100_100_0_0_crop.jpg"], [("system_files", row)])


def concrete(draw: random.Random, number: int) -> Upload:
    """Concrete: the file's prefix of twelve digits cut in three, thumbnails in a tree of their own."""
    prefix, stem = f"{draw.randint(10**11, 10**12 - 1)}", words(draw)
    place = f"{prefix[:4]}/{prefix[4:8]}/{prefix[8:]}"
    row = {"fID": number, "fvFilename": f"{stem}.jpg", "fvPrefix": prefix}
    return Upload(
        [f"{place}/{stem}.jpg", f"thumbnails/file_manager_listing/{place}/{stem}.jpg"], [("FileVersions", row)]
    )


def craft(draw: random.Random, number: int) -> Upload:
    """Craft: transforms in a directory by their description."""
    folder, name = draw.choice(["news", "people"]), f"{words(draw)}.jpg"
    rows = [("assets", {"id": number, "filename": name, "folderId": 3})]
    return Upload([f"{folder}/{name}", f"{folder}/_300x200_crop_center-center_none/{name}"], rows)


def umbraco(draw: random.Random, number: int) -> Upload:
    """Umbraco: a random directory; the path in JSON."""
    path = f"media/{letters(draw, 8, 'abcdefghijklmnopqrstuvwxyz012345')}/{words(draw)}.jpg"
    return Upload([path], [("umbracoPropertyData", {"id": number, "textValue": json.dumps({"src": f"/{path}"})})])


def bookstack(draw: random.Random, number: int) -> Upload:
    """BookStack: sizes in directories beside, one of them with an open end."""
    year, month, _day = day(draw)
    place, name = f"images/gallery/{year}-{month}", f"{words(draw)}.png"
    row = {"id": number, "name": name, "path": f"/uploads/{place}/{name}", "type": "gallery"}
    return Upload([f"{place}/{each}{name}" for each in ("", "thumbs-150-150/", "scaled-1680-/")], [("images", row)])


def gitea(draw: random.Random, number: int) -> Upload:
    """Gitea and Forgejo: a UUID below its first signs; LFS objects by their digest."""
    own, oid = guid(draw), hexadecimal(draw, 64)
    files = [f"attachments/{own[0]}/{own[1]}/{own}", f"lfs/{oid[:2]}/{oid[2:4]}/{oid[4:]}"]
    rows = [
        ("attachment", {"id": number, "uuid": own, "name": f"{words(draw)}.png"}),
        ("lfs_meta_object", {"id": number, "oid": oid, "size": 5}),
    ]
    return Upload(files, rows)


def gitea_avatars(draw: random.Random, number: int) -> Upload:
    """Gitea: the digest that the user's row holds, and a number and a digest of no row's."""
    own = hexadecimal(draw, 32)
    rows = [("user", {"id": number, "email": f"{words(draw)}@example.org", "avatar": own, "use_custom_avatar": 1})]
    return Upload([f"avatars/{own}", f"repo-avatars/{number}-{md5(own + 'x')}"], rows)


def gitlab_artifacts(draw: random.Random, number: int) -> Upload:
    """GitLab: the digest of the project's number, a day, the job's and the artifact's number."""
    digest = hexadecimal(draw, 64)
    place = f"artifacts/{digest[:2]}/{digest[2:4]}/{digest}/{'_'.join(day(draw))}/{number + 70}/{number}"
    row = {"id": number, "project_id": draw.randint(1, 9), "job_id": number + 70, "file": "artifacts.zip"}
    return Upload([f"{place}/artifacts.zip", f"{place}/job.log"], [("ci_job_artifacts", row)])


def gitlab_uploads(draw: random.Random, number: int) -> Upload:
    """GitLab: hashed storage of a project, a secret, the name."""
    digest = hexadecimal(draw, 64)
    path = f"@hashed/{digest[:2]}/{digest[2:4]}/{digest}/{hexadecimal(draw, 32)}/{words(draw)}.png"
    return Upload([path], [("uploads", {"id": number, "size": 5, "path": path, "uploader": "FileUploader"})])


def phpfox(draw: random.Random, number: int) -> Upload:
    """A name with a place for its size, ``%s``, which the row holds as it is."""
    year, month, _day = day(draw)
    stem = f"photo/{year}/{month}/{hexadecimal(draw, 32)}"
    row = {"photo_id": number, "destination": f"{year}/{month}/{stem.rpartition('/')[2]}%s.jpg"}
    return Upload([f"{stem}{size}.jpg" for size in ("", "_150", "_1024")], [("phpfox_photo", row)])


def chevereto(draw: random.Random, number: int) -> Upload:
    """Chevereto: the name apart from its ending, and sizes between them."""
    stem = f"{'/'.join(day(draw))}/{words(draw)}{hexadecimal(draw, 8)}"
    row = {"image_id": number, "image_name": stem.rpartition("/")[2], "image_extension": "jpg"}
    return Upload([f"images/{stem}{size}.jpg" for size in ("", ".md", ".th")], [("chv_images", row)])


def mediable(draw: random.Random, number: int) -> Upload:
    """Plank's Mediable for Laravel: directory, name and ending in columns of their own."""
    place, stem = f"{draw.randint(2019, 2026)}/{draw.choice('ab')}", f"{words(draw)}-{hexadecimal(draw, 6)}"
    row = {"id": number, "directory": place, "filename": stem, "extension": "pdf", "aggregate_type": "pdf"}
    return Upload([f"{place}/{stem}.pdf"], [("media", row)])


NAMED = (
    ckan, directus, mediawiki, drupal, magento, joomla, ghost, strapi, spatie, carrierwave, paperclip, typo3,
    silverstripe, concrete, craft, umbraco, bookstack, gitea, gitlab_uploads, chevereto, mediable,
)  # fmt: skip
UNNAMED = (shopware, prestashop, carrierwave_same, october, gitea_avatars, gitlab_artifacts, phpfox)
