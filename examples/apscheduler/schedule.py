"""A cleanup by APScheduler, for an application that has no cron: daily the temporary files, weekly everything.

python schedule.py
"""

from __future__ import annotations

import os

from apscheduler.schedulers.blocking import BlockingScheduler

from dvornik.contrib.process import clean


def add_jobs(scheduler: BlockingScheduler, directory: str) -> None:
    """Add the jobs; one that could not start in time is made up for within an hour, and never runs twice at once."""
    given = {"kwargs": {"directory": directory}, "misfire_grace_time": 3600, "coalesce": True, "max_instances": 1}
    scheduler.add_job(clean, "cron", ["temp"], id="temporary files", hour=2, **given)
    scheduler.add_job(clean, "cron", id="everything", day_of_week="sun", hour=3, **given)


if __name__ == "__main__":
    whole = BlockingScheduler()
    add_jobs(whole, os.environ.get("APPLICATION", "."))
    whole.start()
