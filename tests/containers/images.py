"""The images that the project builds on, played by Debian's packages where the engine is ours: no registry is asked."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.servers import debootstrap

if TYPE_CHECKING:
    from tests.containers.engine import Engine

_PYTHON = ("ca-certificates", "python3", "python3-venv", "python3-dev", "python-is-python3")
_SERVERS = ("ca-certificates", "postgresql", "valkey-server", "valkey-tools")
_POSTGRESQL = """\
#!/bin/sh
# What the image of PostgreSQL does at its first start, as far as the compose file asks for it.
set -eu
data=/var/lib/postgresql/data
mkdir -p "$data" && chown postgres: "$data"
as() { setpriv --reuid postgres --regid postgres --clear-groups "$@"; }
PATH=$(echo /usr/lib/postgresql/*/bin):$PATH
if [ ! -s "$data/PG_VERSION" ]; then
  umask 077 && printf %s "$POSTGRES_PASSWORD" > /tmp/secret && chown postgres: /tmp/secret
  as initdb -D "$data" --encoding=UTF8 --locale=C.UTF-8 --auth-local=trust --auth-host=scram-sha-256 \\
    --username="$POSTGRES_USER" --pwfile=/tmp/secret
  echo 'host all all all scram-sha-256' >> "$data/pg_hba.conf"
  as pg_ctl -D "$data" -w -o '-c listen_addresses=' start
  as createdb -U "$POSTGRES_USER" "$POSTGRES_DB"
  as pg_ctl -D "$data" -w stop
fi
exec setpriv --reuid postgres --regid postgres --clear-groups postgres -D "$data" -c 'listen_addresses=*'
"""
_VALKEY = """\
#!/bin/sh
# As the image does: whoever is on the same network may connect.
[ "$1" != valkey-server ] || set -- "$@" --protected-mode no --bind '* -::*'
exec "$@"
"""
_BUILT = {
    "postgres:18": "FROM dvornik-test/trixie\nCOPY postgresql.sh /\n"
    'RUN install -d -o postgres /var/run/postgresql\nENTRYPOINT ["sh", "/postgresql.sh"]\n',
    "valkey/valkey:9": 'FROM dvornik-test/trixie\nCOPY valkey.sh /\nENTRYPOINT ["sh", "/valkey.sh"]\n',
}


def provide(engine: Engine) -> None:
    """Make what is not there yet: the names are those of the Dockerfile and the compose file."""
    path = "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    _import(engine, "python:3.11-slim", "bookworm", _PYTHON, path)
    _import(engine, "dvornik-test/trixie", "trixie", _SERVERS, path)
    with tempfile.TemporaryDirectory(prefix="dvornik-images-") as directory:
        Path(directory, "postgresql.sh").write_text(_POSTGRESQL)
        Path(directory, "valkey.sh").write_text(_VALKEY)
        for name, recipe in _BUILT.items():
            Path(directory, "Dockerfile").write_text(recipe)
            engine.docker("build", "--quiet", "--network", "host", "--tag", name, directory)


def _import(engine: Engine, name: str, suite: str, packages: tuple[str, ...], change: str) -> None:
    archive = debootstrap.archive(suite, packages)
    mark = f"LABEL dvornik.archive={archive.name}"
    known = engine.docker(
        "image", "inspect", "--format", '{{index .Config.Labels "dvornik.archive"}}', name, check=False
    )
    if known.stdout.strip() != archive.name:
        engine.docker("import", "--change", change, "--change", mark, str(archive), name)
