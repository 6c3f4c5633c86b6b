"""nginx and Apache of Debian, which serve a directory on the loopback as a plain site would have them do."""

from __future__ import annotations

import http.client
import os
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from tests.servers.debian import program
from tests.servers.postgresql import NOBODY, _free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.servers.debian import Program

    Fetch = Callable[[str], int]

KINDS = ("nginx", "apache")
_PATIENCE = 20.0
_NGINX = """\
daemon off; worker_processes 1; pid {home}/pid; error_log {home}/error.log;
events {{}}
http {{
  access_log off;
  {temporary}
  server {{ listen 127.0.0.1:{port}; root "{root}"; autoindex on; {lines} }}
}}
"""
_APACHE = """\
ServerName 127.0.0.1
Listen 127.0.0.1:{port}
PidFile {home}/pid
ErrorLog {home}/error.log
DocumentRoot "{root}"
<Directory "{root}">
  Options Indexes FollowSymLinks
  AllowOverride {override}
  Require all granted
</Directory>
<Files ".ht*">
  Require all denied
</Files>
{lines}
"""
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
_MODULES = ("mpm_event", "authz_core", "access_compat", "alias", "autoindex", "dir")


@contextmanager
def serving(kind: str, root: Path, home: Path, *, lines: str = "", override: str = "None") -> Iterator[Fetch]:
    """Serve ``root``, and lend what fetches a path below it and returns the status.

    ``home`` is an empty directory for the server's own files, ``lines`` are an operator's further ones; ``override``
    is Apache's ``AllowOverride``. Started by root, the server reads files as ``NOBODY``, else as this user.
    """
    port = _free_port()
    found, words = (_nginx if kind == "nginx" else _apache)(root, home, port, lines, override)
    with (home / "said").open("wb") as said:
        process = subprocess.Popen([found.path, *words], env=found.env, stdout=said, stderr=said)
    try:
        _await(process, port, home)
        yield lambda path: _status(port, path)
    finally:
        process.terminate()
        process.wait(_PATIENCE)


def _nginx(root: Path, home: Path, port: int, lines: str, override: str) -> tuple[Program, list[str]]:
    found = program("nginx", "nginx")
    temporary = " ".join(f"{name}_temp_path {home}/{name};" for name in _TEMPORARY)
    text = _NGINX.format(root=root, home=home, port=port, lines=lines, temporary=temporary)
    if os.geteuid() == 0:
        text = f"user nobody nogroup;\n{text}"
    (home / "conf").write_text(text)
    return found, ["-p", str(home), "-c", str(home / "conf"), "-e", str(home / "error.log")]


def _apache(root: Path, home: Path, port: int, lines: str, override: str) -> tuple[Program, list[str]]:
    found = program("apache2", "apache2-bin")
    places = [f"LoadModule {name}_module {found.root}/usr/lib/apache2/modules/mod_{name}.so" for name in _MODULES]
    text = _APACHE.format(root=root, home=home, port=port, lines=lines, override=override)
    if os.geteuid() == 0:
        text = f"User #{NOBODY}\nGroup #{NOBODY}\n{text}"
    (home / "conf").write_text("\n".join([*places, text]))
    return found, ["-d", str(home), "-f", str(home / "conf"), "-DFOREGROUND"]


def _await(process: subprocess.Popen[bytes], port: int, home: Path) -> None:
    until = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < until:
        try:
            _status(port, "")
        except OSError:
            time.sleep(0.02)
        else:
            return
    pytest.fail("".join(path.read_text() for path in (home / "said", home / "error.log") if path.exists()))


def _status(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
    connection.request("GET", "/" + quote(path))
    status = connection.getresponse().status
    connection.close()
    return status
