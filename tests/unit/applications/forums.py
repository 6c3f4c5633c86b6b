"""Forums, chats and issue trackers."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

from tests.unit.applications.upload import Upload, day, guid, hexadecimal, letters, md5, sha1, sha256, words

if TYPE_CHECKING:
    import random

    from tests.unit.applications.upload import Row

_NO_CAPITALS = string.ascii_lowercase + string.digits


def smf(draw: random.Random, number: int) -> Upload:
    """SMF: a number and a digest, which the row holds without the number."""
    digest = hexadecimal(draw, 40)
    row = {"id_attach": number, "filename": f"{words(draw)}.png", "file_hash": digest, "size": 5}
    thumb = {**row, "id_attach": number + 5000, "filename": f"{row['filename']}_thumb", "file_hash": sha1(digest)}
    files = [f"attachments/{number}_{digest}.dat", f"attachments/{number + 5000}_{sha1(digest)}.dat"]
    return Upload(files, [("smf_attachments", row), ("smf_attachments", thumb)])


def xenforo(draw: random.Random, number: int) -> Upload:
    """XenForo: a number and a digest in thousands, in two trees."""
    digest, thousand = hexadecimal(draw, 32), number // 1000
    row = {"data_id": number, "filename": f"{words(draw)}.jpg", "file_hash": digest, "file_size": 5, "width": 800}
    files = [
        f"internal_data/attachments/{thousand}/{number}-{digest}.data",
        f"data/attachments/{thousand}/{number}-{digest}.jpg",
    ]
    return Upload(files, [("xf_attachment_data", row)])


def xenforo_avatars(draw: random.Random, number: int) -> Upload:
    """XenForo: the user's number in four sizes."""
    row = {"user_id": number, "username": words(draw), "avatar_date": 1_700_000_000, "avatar_width": 384}
    return Upload([f"data/avatars/{size}/{number // 1000}/{number}.jpg" for size in "olms"], [("xf_user", row)])


def phpbb(draw: random.Random, number: int) -> Upload:
    """phpBB: the user and a digest without an ending, and a thumbnail."""
    name = f"{draw.randint(2, 90)}_{hexadecimal(draw, 32)}"
    row = {"attach_id": number, "physical_filename": name, "real_filename": f"{words(draw)}.jpg", "thumbnail": 1}
    return Upload([f"files/{name}", f"files/thumb_{name}"], [("phpbb_attachments", row)])


def phpbb_avatars(draw: random.Random, number: int) -> Upload:
    """phpBB: the board's salt and the user's number; the row holds the number and a time."""
    salt = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
    row = {"user_id": number, "username": words(draw), "user_avatar": f"{number}_1700000000.jpg"}
    config = {"config_name": "avatar_salt", "config_value": salt}
    rows: list[Row] = [("phpbb_users", row), *([("phpbb_config", config)] if number == 1 else [])]
    return Upload([f"images/avatars/upload/{salt}_{number}.jpg"], rows)


def mybb(draw: random.Random, number: int) -> Upload:
    """MyBB: the row holds the path, and the thumbnail's."""
    year, month, _day = day(draw)
    name = f"{year}{month}/post_{draw.randint(1, 50)}_{draw.randint(16 * 10**8, 17 * 10**8)}_{hexadecimal(draw, 32)}"
    row = {
        "aid": number,
        "filename": f"{words(draw)}.jpg",
        "attachname": f"{name}.attach",
        "thumbnail": f"{name}_t.jpg",
    }
    return Upload([f"{name}.attach", f"{name}_t.jpg"], [("mybb_attachments", row)])


def vbulletin(draw: random.Random, number: int) -> Upload:
    """vBulletin: the digits of the user's number, then the file's number."""
    user = draw.randint(10, 120)
    place = "/".join(str(user))
    row = {"filedataid": number, "userid": user, "extension": "jpg", "filehash": hexadecimal(draw, 32)}
    return Upload([f"{place}/{number}.attach", f"{place}/{number}.thumb"], [("filedata", row)])


def invision(draw: random.Random, number: int) -> Upload:
    """Invision: a month's directory, and a digest behind the ending."""
    year, month, _day = day(draw)
    path, digest = f"monthly_{year}_{month}/{words(draw)}.jpg", hexadecimal(draw, 32)
    row = {
        "attach_id": number,
        "attach_location": f"{path}.{digest}",
        "attach_thumb_location": f"{path}.thumb.{digest}",
    }
    return Upload([f"{path}.{digest}", f"{path}.thumb.{digest}"], [("core_attachments", row)])


def discourse(draw: random.Random, number: int) -> Upload:
    """Discourse: the digest of the content, and optimised pictures in a tree of their own."""
    digest = hexadecimal(draw, 40)
    url, small = f"original/1X/{digest}.png", f"optimized/1X/{digest}_2_690x388.png"
    upload = {"id": number, "original_filename": f"{words(draw)}.png", "url": f"/uploads/default/{url}", "sha1": digest}
    optimized = {"id": number, "upload_id": number, "url": f"/uploads/default/{small}", "sha1": hexadecimal(draw, 40)}
    files = [f"uploads/default/{url}", f"uploads/default/{small}"]
    return Upload(files, [("uploads", upload), ("optimized_images", optimized)])


def flarum(draw: random.Random, number: int) -> Upload:
    """Flarum: a day's directory and a time; posts hold the address."""
    path = f"{'-'.join(day(draw))}/{draw.randint(16 * 10**8, 17 * 10**8)}-{draw.randint(1, 10**6)}-{words(draw)}.png"
    post = f'<r><UPL-IMAGE-PREVIEW url="https://forum.example/assets/files/{path}">it</UPL-IMAGE-PREVIEW></r>'
    row = {"id": number, "path": path, "url": f"https://forum.example/assets/files/{path}"}
    return Upload([f"assets/files/{path}"], [("fof_upload_files", row), ("posts", {"id": number, "content": post})])


def mattermost(draw: random.Random, number: int) -> Upload:
    """Mattermost: identifiers of the channel, the user and the file; a preview and a thumbnail."""
    channel, user, own = (letters(draw, 26, _NO_CAPITALS) for _each in range(3))
    stem = f"{''.join(day(draw))}/teams/noteam/channels/{channel}/users/{user}/{own}/{words(draw)}"
    row = {"id": own, "channelid": channel, "path": f"{stem}.jpg", "thumbnailpath": f"{stem}_thumb.jpg"}
    files = [f"{stem}.jpg", f"{stem}_thumb.jpg", f"{stem}_preview.jpg"]
    return Upload(files, [("fileinfo", {**row, "previewpath": files[2]})])


def mattermost_profiles(draw: random.Random, number: int) -> Upload:
    """Mattermost: a directory a user, with one name for all."""
    user = letters(draw, 26, _NO_CAPITALS)
    return Upload([f"users/{user}/profile.png"], [("users", {"id": user, "username": words(draw)})])


def synapse(draw: random.Random, number: int) -> Upload:
    """Synapse: an identifier of 24 letters, cut in three; a directory of thumbnails."""
    own = letters(draw, 24, string.ascii_letters)
    cut = f"{own[:2]}/{own[2:4]}/{own[4:]}"
    thumbs = [
        f"local_thumbnails/{cut}/{size}-image-png-{how}" for size, how in (("32-32", "crop"), ("640-480", "scale"))
    ]
    row = {"media_id": own, "media_type": "image/png", "media_length": 5, "upload_name": f"{words(draw)}.png"}
    return Upload([f"local_content/{cut}", *thumbs], [("local_media_repository", row)])


def synapse_remote(draw: random.Random, number: int) -> Upload:
    """Synapse: another server's name above the cut identifier."""
    own, origin = letters(draw, 24, string.ascii_letters), draw.choice(["matrix.org", "chat.example", "kde.org"])
    cut = f"{origin}/{own[:2]}/{own[2:4]}/{own[4:]}"
    row = {"media_origin": origin, "media_id": letters(draw, 24, string.ascii_letters), "filesystem_id": own}
    return Upload(
        [f"remote_content/{cut}", f"remote_thumbnail/{cut}/96-96-image-png-crop"], [("remote_media_cache", row)]
    )


def zulip(draw: random.Random, number: int) -> Upload:
    """Zulip: a realm, a random part, a token; thumbnails below the name."""
    path = (
        f"2/{hexadecimal(draw, 2)}/{letters(draw, 24, string.ascii_letters + string.digits + '_-')}/{words(draw)}.png"
    )
    row = {"id": number, "file_name": path.rpartition("/")[2], "path_id": path, "size": 5}
    message = {"id": number, "content": f"[it](/user_uploads/{path})"}
    files = [f"files/{path}", f"files/thumbnail/{path}/840x560.webp"]
    return Upload(files, [("zerver_attachment", row), ("zerver_message", message)])


def zulip_avatars(draw: random.Random, number: int) -> Upload:
    """Zulip: the digest of the user's number and a secret, which no row holds."""
    own = sha1(f"{number}secret")
    row = {"id": number, "full_name": words(draw), "avatar_source": "U", "avatar_version": 2}
    files = [f"avatars/2/{own}.png", f"avatars/2/{own}.original", f"avatars/2/{own}-medium.png"]
    return Upload(files, [("zerver_userprofile", row)])


def redmine(draw: random.Random, number: int) -> Upload:
    """Redmine: a time before the name; what is not ASCII becomes a digest."""
    (_year, month, date), year = day(draw), "2026"
    name = words(draw, "_") if draw.random() < 0.8 else hexadecimal(draw, 32)
    disk = f"{year[2:]}{month}{date}{draw.randint(0, 235959):06}_{name}.pdf"
    row = {"id": number, "filename": f"{words(draw)}.pdf", "disk_filename": disk, "disk_directory": f"{year}/{month}"}
    return Upload([f"{year}/{month}/{disk}"], [("attachments", {**row, "digest": sha256(disk)})])


def osticket(draw: random.Random, number: int) -> Upload:
    """osTicket: a random key below its first sign."""
    own = letters(draw, 32, string.ascii_letters + string.digits + "_-")
    row = {"id": number, "key": own, "name": f"{words(draw)}.pdf", "signature": letters(draw, 32)}
    return Upload([f"{own[0]}/{own}"], [("ost_file", row)])


def taiga(draw: random.Random, number: int) -> Upload:
    """Taiga: a digest below its first four signs, and easy-thumbnails."""
    digest = hexadecimal(draw, 64)
    path = f"attachments/{'/'.join(digest[:4])}/{digest[4:]}/{words(draw)}.png"
    row = {"id": number, "attached_file": path, "sha1": hexadecimal(draw, 40), "name": path.rpartition("/")[2]}
    return Upload([path, f"{path}.300x200_q85_crop.png"], [("attachments_attachment", row)])


def zammad(draw: random.Random, number: int) -> Upload:
    """Zammad: a digest cut into many parts."""
    digest = hexadecimal(draw, 64)
    cut = "/".join([digest[:4], digest[4:8], digest[8:13], digest[13:18], digest[18:]])
    return Upload([f"fs/{cut}"], [("stores", {"id": number, "filename": f"{words(draw)}.pdf", "sha": digest})])


def freescout(draw: random.Random, number: int) -> Upload:
    """FreeScout: three random digits above the name, which the row holds apart."""
    place, name = "/".join(letters(draw, 3, string.digits)), f"{words(draw)}-{number}.pdf"
    return Upload([f"attachment/{place}/{name}"], [("attachments", {"file_dir": f"{place}/", "file_name": name})])


def jira(draw: random.Random, number: int) -> Upload:
    """Jira: the project, the issue, and the attachment's number alone."""
    project, issue = draw.choice(["YARD", "HOME"]), draw.randint(1, 400)
    row = {"ID": 10_000 + number, "issueid": 20_000 + issue, "FILENAME": f"{words(draw)}.png"}
    return Upload([f"{project}/10000/{project}-{issue}/{10_000 + number}"], [("fileattachment", row)])


def kanboard(draw: random.Random, number: int) -> Upload:
    """Kanboard: a digest below the task's number."""
    path = f"tasks/{draw.randint(1, 40)}/{hexadecimal(draw, 40)}"
    row = {"id": number, "name": f"{words(draw)}.png", "path": path, "is_image": 1}
    return Upload([path, f"thumbnails/{path}"], [("task_has_files", row)])


def gravatars(draw: random.Random, number: int) -> Upload:
    """Avatars by the digest of the e-mail's address."""
    mail = f"{words(draw)}@example.org"
    return Upload([f"avatars/{md5(mail)}.png"], [("users", {"id": number, "email": mail})])


def outline(draw: random.Random, number: int) -> Upload:
    """Outline: identifiers of the user and of the file."""
    key = f"uploads/{guid(draw)}/{guid(draw)}/{words(draw)}.png"
    return Upload([key], [("attachments", {"id": guid(draw), "key": key, "acl": "private"})])


NAMED = (
    smf, xenforo, mybb, invision, discourse, flarum, mattermost, zulip, redmine, osticket, taiga, zammad, freescout,
    kanboard, outline,
)  # fmt: skip
"""What nothing names is found."""
UNNAMED = (
    phpbb, xenforo_avatars, phpbb_avatars, vbulletin, mattermost_profiles, synapse, synapse_remote, zulip_avatars, jira,
    gravatars,
)  # fmt: skip
"""Some of what nothing names is held."""
