"""A browser without pictures: follows pages as they are, fills in their forms and uploads files."""

from __future__ import annotations

import mimetypes
from collections.abc import Sequence
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urljoin
from urllib.request import HTTPCookieProcessor, Request, build_opener
from uuid import uuid4

from tests.site.site import Page, Visitor

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Value = str | Sequence[str] | None
"""``None`` takes a field out of the form, as unticking a box does."""
Upload = tuple[str, str, bytes]
"""A field, and the name and content of the file to send in it; a field may take several."""


class Form:
    """A form with what its fields hold, as a browser would send it."""

    def __init__(self, action: str) -> None:
        self.action = action
        self.fields: dict[str, list[str]] = {}
        self.names: set[str] = set()
        """Every field, those for files and unticked boxes too."""


class Browser(Visitor):
    """Someone at a keyboard."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self._cookies = CookieJar()
        self._opener = build_opener(HTTPCookieProcessor(self._cookies))

    def cookie(self, name: str) -> str:
        """Return the value of a cookie, ``""`` where there is none."""
        return next((each.value or "" for each in self._cookies if each.name == name), "")

    def submit(self, address: str, fields: Mapping[str, Value], *files: Upload) -> Page:
        """Fill in that form of the page at ``address`` which has most of these fields, and send it.

        A page's script may add fields.

        Raises:
            AssertionError: no such form is there, or the site answers with an error.
        """
        page = self.get(address)
        form = _form_with({*fields, *(field for field, _name, _content in files)}, page)
        return self.send(urljoin(page.url, form.action), {**form.fields, **fields}, *files)

    def send(self, address: str, fields: Mapping[str, Value], *files: Upload) -> Page:
        """Post fields and files, as a page's script would too; an answer of refusal is an error."""
        kind, body = encoded(fields, files)
        headers = {"Content-Type": kind, "Referer": self.root + "/", "X-CSRFToken": self.cookie("csrftoken")}
        headers["X-Requested-With"] = "XMLHttpRequest"
        page = self._open(Request(urljoin(self.root + "/", address), body, headers))  # noqa: S310 - a server of our own
        assert page.status in {200, 204}, f"{address}: {page.status}\n{page.body.decode(errors='replace')[:3000]}"
        return page


def encoded(fields: Mapping[str, Value], files: Sequence[Upload]) -> tuple[str, bytes]:
    """Return the content type and the body of a form."""
    pairs = [(name, text) for name, value in fields.items() for text in _listed(value)]
    if not files:
        return "application/x-www-form-urlencoded", urlencode(pairs).encode()
    parts = [f'name="{name}"\r\n\r\n{text}'.encode() for name, text in pairs]
    for field, name, content in files:
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        parts.append(f'name="{field}"; filename="{name}"\r\nContent-Type: {kind}\r\n\r\n'.encode() + content)
    boundary = uuid4().hex
    head, line = b"Content-Disposition: form-data; ", f"--{boundary}".encode()
    body = b"".join(line + b"\r\n" + head + part + b"\r\n" for part in parts) + line + b"--\r\n"
    return f"multipart/form-data; boundary={boundary}", body


def _listed(value: Value) -> Sequence[str]:
    if value is None:
        return ()
    return [value] if isinstance(value, str) else value


def _form_with(names: Iterable[str], page: Page) -> Form:
    parser = _Forms()
    parser.feed(page.text)
    wanted = set(names)
    best = max(parser.forms, key=lambda form: len(wanted & form.names), default=None)
    assert best, f"{page.url} ({page.status}) has no form"
    assert not wanted or wanted & best.names, f"{page.url} has no form with {sorted(wanted)}"
    return best


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._area = self._select = ""
        self._inside = self._single = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(has.get("action", "")))
            self._inside = True
        elif self._inside:
            self._field(tag, has)

    def _field(self, tag: str, has: Mapping[str, str]) -> None:
        form, name = self.forms[-1], has.get("name", "")
        form.names.add(name)
        if tag == "input" and name and has.get("type") not in {"submit", "button", "file", "image"}:
            if has.get("type") not in {"checkbox", "radio"} or "checked" in has:
                form.fields.setdefault(name, []).append(has.get("value", "on" if "checked" in has else ""))
        elif tag == "textarea":
            self._area = name
            form.fields[name] = [""]
        elif tag == "select":
            self._select, self._single = name, "multiple" not in has
        elif tag == "option" and self._select:
            self._option(form.fields, has.get("value", ""), chosen="selected" in has)

    def _option(self, fields: dict[str, list[str]], value: str, *, chosen: bool) -> None:
        """Take what is chosen; where one must be, the first is until another one is."""
        if not self._single:
            fields.setdefault(self._select, []).extend([value] if chosen else [])
        elif chosen or self._select not in fields:
            fields[self._select] = [value]

    def handle_data(self, data: str) -> None:
        if self._area:
            self.forms[-1].fields[self._area][0] += data.removeprefix("\r\n").removeprefix("\n")

    def handle_endtag(self, tag: str) -> None:
        self._area = "" if tag == "textarea" else self._area
        self._select = "" if tag == "select" else self._select
        self._inside = self._inside and tag != "form"
