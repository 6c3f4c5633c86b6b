"""Schedules as a compose file: a service beside the application's, in which ``dvornik daemon`` keeps the time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from dvornik.schedule.installation import Artefact

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dvornik.schedule.installation import Installation

_LISTEN: Final = "DVORNIK_METRICS_LISTEN"


def artefacts(installation: Installation, daemon: Sequence[str], service: str, image: str) -> list[Artefact]:
    """Return the file to give to ``docker compose`` after the application's own.

    ``daemon`` are the words of ``dvornik daemon``, ``service`` is the application's service, ``image`` its image
    (empty: asked for in a variable).
    """
    return [
        Artefact(f"compose.{installation.name}.yml", "\n".join([*_lines(installation, daemon, service, image), ""]))
    ]


def _lines(installation: Installation, daemon: Sequence[str], service: str, image: str) -> Iterator[str]:
    yield f"# {installation.marker}"
    yield f"# docker compose -f docker-compose.yml -f compose.{installation.name}.yml up -d"
    yield "services:"
    yield f"  {quoted(f'{installation.name}-daemon')}:"
    wanted = f"${{DVORNIK_IMAGE:?the image of {service}}}"
    yield f"    image: {quoted(image) if image else json.dumps(wanted)}"
    yield f"    command: {_words(daemon)}"
    yield f"    working_dir: {quoted(installation.directory)}"
    yield "    init: true"
    yield "    restart: unless-stopped"
    yield "    # The daemon ends its run first; what is cut short goes on at the next start."
    yield "    stop_grace_period: 30s"
    yield f"    # The same volumes and the same variables as {json.dumps(service, ensure_ascii=False)} has."
    yield "    volumes_from:"
    yield f"      - {quoted(service)}"
    yield "    environment:"
    if _LISTEN not in installation.environment:
        yield "      # For Prometheus, at /metrics of this service: 0.0.0.0:9108. Empty: nobody listens."
        yield f'      {_LISTEN}: "${{{_LISTEN}:-}}"'
    for name, value in sorted(installation.environment.items()):
        yield f"      {quoted(name)}: {quoted(value)}"
    for name in sorted(installation.secrets):
        yield f"      {quoted(name)}: {json.dumps(f'${{{name}:?as {service} has it}}', ensure_ascii=False)}"
    yield "    read_only: true"
    yield "    tmpfs:"
    yield "      - /tmp"
    if installation.uid:
        yield "    cap_drop:"
        yield "      - ALL"
    yield "    security_opt:"
    yield "      - no-new-privileges:true"
    yield "    healthcheck:"
    yield f"      test: {_words(['CMD', *installation.health])}"
    yield "      interval: 1h"
    yield "      timeout: 30s"
    yield "      retries: 3"


def quoted(text: str) -> str:
    """Return a text as YAML (JSON is YAML), with ``$`` doubled: compose would fill in a variable."""
    return json.dumps(text.replace("$", "$$"), ensure_ascii=False)


def _words(words: Sequence[str]) -> str:
    return f"[{', '.join(map(quoted, words))}]"
