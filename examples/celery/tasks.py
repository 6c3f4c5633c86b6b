"""A cleanup as a Celery task: daily the temporary files, weekly everything.

celery -A tasks worker --beat
"""

from __future__ import annotations

import os

from celery import Celery
from celery.schedules import crontab

from dvornik.contrib.process import clean

app = Celery("housekeeping", broker=os.environ.get("CELERY_BROKER_URL", "memory://"))
app.conf.beat_schedule = {
    "temporary files": {"task": "housekeeping.clean", "schedule": crontab(hour="2", minute="0"), "args": ["temp"]},
    "everything": {"task": "housekeeping.clean", "schedule": crontab(hour="3", minute="0", day_of_week="sun")},
}


@app.task(name="housekeeping.clean", time_limit=6 * 3600)
def housekeeping(*steps: str) -> str:
    """Clean in a process of its own; a cleanup that fails is a task that fails, with what dvornik said."""
    return clean(*steps, directory=os.environ.get("APPLICATION", "."))
