"""Schedules as Kubernetes CronJobs, with placeholders (``your-…``) for what only the cluster knows."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from dvornik.schedule.crontimes import with_sunday_as_zero
from dvornik.schedule.installation import Artefact, outermost

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dvornik.schedule.installation import Installation
    from dvornik.schedule.schedules import Schedule

_LONGEST: Final = 52
"""Characters of a CronJob's name: its jobs add eleven to it."""
_NOBODY: Final = 10001
_IMAGE: Final = "your-application:your-tag"


def artefacts(installation: Installation, image: str) -> list[Artefact]:
    """Return one file with a CronJob a schedule; ``image`` empty: a placeholder."""
    jobs = ["\n".join(_job(installation, schedule, image or _IMAGE)) for schedule in installation.schedules]
    head = (
        f"# {installation.marker}\n# Replace what begins with your-, then: kubectl apply -f {installation.name}.yaml\n"
        "# These pods are gone before Prometheus comes: set DVORNIK_METRICS_PUSHGATEWAY in your secret, or let one\n"
        "# pod run dvornik daemon --metrics 0.0.0.0:9108 instead.\n"
    )
    return [Artefact(f"{installation.name}.yaml", head + "".join(f"---\n{job}\n" for job in jobs))]


def _job(installation: Installation, schedule: Schedule, image: str) -> Iterator[str]:
    yield "apiVersion: batch/v1"
    yield "kind: CronJob"
    yield "metadata:"
    yield f"  name: {label(f'{installation.name}-{schedule.name}')}"
    yield "  labels:"
    yield "    app.kubernetes.io/name: dvornik"
    yield f"    app.kubernetes.io/instance: {label(installation.name)}"
    yield "spec:"
    yield f"  schedule: {_quoted(with_sunday_as_zero(schedule.cron))}"
    yield f"  timeZone: {_quoted(installation.timezone or 'Etc/UTC')}"
    yield "  concurrencyPolicy: Forbid"
    yield "  startingDeadlineSeconds: 3600"
    yield "  successfulJobsHistoryLimit: 3"
    yield "  failedJobsHistoryLimit: 3"
    yield "  jobTemplate:"
    yield "    spec:"
    yield "      # Again only where another run held the lock (11) or a place could not be reached (12)."
    yield "      backoffLimit: 3"
    yield "      podFailurePolicy:"
    yield "        rules:"
    yield "          - action: FailJob"
    yield "            onExitCodes:"
    yield "              containerName: dvornik"
    yield "              operator: NotIn"
    yield "              values: [11, 12]"
    yield "      template:"
    yield "        spec:"
    for line in _pod(installation, schedule, image):
        yield f"          {line}"


def _pod(installation: Installation, schedule: Schedule, image: str) -> Iterator[str]:
    user = installation.uid or _NOBODY
    volumes = _volumes(installation)
    yield "restartPolicy: Never"
    yield "automountServiceAccountToken: false"
    yield "securityContext:"
    yield "  runAsNonRoot: true"
    yield f"  runAsUser: {user}"
    yield f"  fsGroup: {user}"
    yield "  fsGroupChangePolicy: OnRootMismatch"
    yield "  seccompProfile:"
    yield "    type: RuntimeDefault"
    yield "containers:"
    yield "  - name: dvornik"
    yield f"    image: {_quoted(image)}"
    yield f"    command: [{', '.join(map(_quoted_argument, installation.run(schedule)))}]"
    yield f"    workingDir: {_quoted(installation.directory)}"
    yield "    env:"
    # A volume's own directory belongs to root, and the state must be its user's alone: it goes one below.
    state = {"DVORNIK_APP_STATE": f"{installation.state}/state"}
    for name, value in sorted({**installation.environment, **state}.items()):
        yield f"      - name: {_quoted(name)}"
        yield f"        value: {_quoted_argument(value)}"
    yield "    envFrom:"
    yield "      - secretRef:"
    yield "          name: your-application-environment"
    yield "    securityContext:"
    yield "      allowPrivilegeEscalation: false"
    yield "      readOnlyRootFilesystem: true"
    yield "      capabilities:"
    yield "        drop: [ALL]"
    yield "    resources:"
    yield "      requests:"
    yield "        cpu: 50m"
    yield "        memory: 128Mi"
    yield "    volumeMounts:"
    for name, path in volumes.items():
        yield f"      - name: {name}"
        yield f"        mountPath: {_quoted(path)}"
    yield "      - name: scratch"
    yield "        mountPath: /tmp"
    yield "volumes:"
    for name in volumes:
        yield f"  - name: {name}"
        yield "    persistentVolumeClaim:"
        yield f"      claimName: your-{name}"
    yield "  - name: scratch"
    yield "    emptyDir: {}"


def _volumes(installation: Installation) -> dict[str, str]:
    """Return the mounts by name; the application's own directory is none, a volume would hide its code."""
    named = {label(place): path for place, path in installation.roots.items()}
    apart = [path for path in installation.own if path != installation.directory]
    kept = outermost([*named.values(), *apart])
    found = {name: path for name, path in named.items() if path in kept}
    rest = [path for path in kept if path not in found.values()]
    return found | {label(path.rpartition("/")[2]): path for path in rest}


def label(text: str) -> str:
    """Return ``text`` as a name that Kubernetes takes."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:_LONGEST].strip("-") or "dvornik"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _quoted_argument(text: str) -> str:
    """Return a word of a command or a variable's value, in which ``$(NAME)`` would be filled in."""
    return _quoted(text.replace("$(", "$$("))
