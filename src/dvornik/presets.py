# ruff: noqa: S106 - names of columns, no passwords
"""Tables of well-known packages whose rows expire or pile up: by which columns each is known, and which may go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence  # noqa: TC003 - msgspec reads the annotations
from typing import TYPE_CHECKING, Final

import msgspec

from dvornik.contracts.database import Comparison, ExpiryRule

if TYPE_CHECKING:
    from collections.abc import Iterator

_DAY: Final = 86_400
SESSION: Final = "sessions/expired"
ROW: Final = "sessions/row"


class Preset(msgspec.Struct, frozen=True):
    """One table. It is taken for the package's only where every column is there and of the right kind."""

    name: str
    """What the operator calls it; tables that belong together share one."""
    table: str
    column: str
    columns: Mapping[str, str]
    """Kind by name; ``any`` where databases differ."""
    expires: bool = True
    """Whether the column is the end of a row's life by the package's own word: else it is history."""
    advice: int = 0
    """Of history, from how many seconds it is reported."""
    rule: str = ROW
    where: Sequence[Comparison] = ()
    units: int = 0
    """Of a number, how many make a second by the package's own word; 0: found out."""

    def fits(self, columns: Mapping[str, str]) -> bool:
        """Tell whether a table of these columns is the package's."""
        return all(
            columns.get(name) == kind or (kind == "any" and name in columns) for name, kind in self.columns.items()
        )

    def expiry(self, database: str, table: str, retention: int | None = None) -> ExpiryRule:
        """Return the rule for one table.

        A time without a zone may be a local one: what expires is kept for a day more, which no zone is off.
        """
        if retention is None:
            retention = self.advice or (_DAY if self.columns[self.column] != "number" else 0)
        name = f"{self.name}:{table}"
        return ExpiryRule(name, database, table, self.column, retention, self.where, self.units, rule=self.rule)


def _session(name: str, table: str, column: str, /, **columns: str) -> Preset:
    return Preset(name, table, column, columns, rule=SESSION)


def _idle(name: str, table: str, column: str, days: int, /, **columns: str) -> Preset:
    """Sessions that only say when they were last used: how long that is enough, the application's settings know."""
    return Preset(name, table, column, columns, expires=False, advice=days * _DAY, rule=SESSION)


def _code(name: str, table: str, column: str, /, **columns: str) -> Preset:
    return Preset(name, table, column, columns)


def _history(name: str, table: str, column: str, days: int, /, *where: Comparison, **columns: str) -> Preset:
    return Preset(name, table, column, columns, expires=False, advice=days * _DAY, where=where)


def _authjs(table: str) -> Preset:
    return _session("authjs", table, "expires", sessionToken="text", userId="any", expires="time")


def _verification(table: str) -> Preset:
    return _code("authjs", table, "expires", identifier="text", token="text", expires="time")


_COMPLETED = Comparison("state", "=", ("completed",))
_SUCCESS = Comparison("success", "=", (True,))
_FAILED_FOR_GOOD = (Comparison("is_available", "=", (False,)), Comparison("locked_at", "null"))
"""By graphile-worker's own words: no attempt is left, and none runs."""

PRESETS: Final[tuple[Preset, ...]] = (
    # Sessions that say when they end.
    _session("django-sessions", "django_session", "expire_date",
             session_key="text", session_data="text", expire_date="time"),
    _session("django-user-sessions", "user_sessions_session", "expire_date",
             session_key="text", session_data="text", expire_date="time", user_agent="text", last_activity="time"),
    _session("django-qsessions", "qsessions_session", "expire_date",
             session_key="text", session_data="text", expire_date="time", user_agent="text", updated_at="time"),
    _session("flask-session", "sessions", "expiry", id="number", session_id="text", data="bytes", expiry="time"),
    _session("connect-pg-simple", "session", "expire", sid="text", sess="any", expire="time"),
    _session("express-mysql-session", "sessions", "expires", session_id="text", expires="number", data="text"),
    _session("connect-sqlite3", "sessions", "expired", sid="any", expired="any", sess="any"),
    _session("better-sqlite3-session-store", "sessions", "expire", sid="text", sess="any", expire="any"),
    # Since Symfony 4.4 sess_lifetime is the moment of expiry; before, a number of seconds, which is no plausible time.
    _session("symfony-sessions", "sessions", "sess_lifetime",
             sess_id="any", sess_data="bytes", sess_lifetime="number", sess_time="number"),
    # Auth.js and NextAuth: the adapters for PostgreSQL, Drizzle and Prisma each have names of their own.
    *map(_authjs, ("sessions", "session", "Session")),
    _session("better-auth", "session", "expiresAt", expiresAt="time", token="text", createdAt="time", updatedAt="time",
             ipAddress="text", userAgent="text", userId="any"),
    _session("directus", "directus_sessions", "expires",
             token="text", user="any", expires="time", ip="text", user_agent="text"),
    # Sessions that say when they were last used.
    _idle("laravel-sessions", "sessions", "last_activity", 30,
          id="text", user_id="any", ip_address="text", user_agent="text", payload="text", last_activity="number"),
    _idle("rails-sessions", "sessions", "updated_at", 30,
          session_id="text", data="text", created_at="time", updated_at="time"),
    # Tokens and codes that say when they end.
    _code("oauth-toolkit", "oauth2_provider_accesstoken", "expires",
          token="any", expires="time", scope="text", application_id="any", created="time"),
    _code("oauth-toolkit", "oauth2_provider_grant", "expires",
          code="text", expires="time", redirect_uri="text", application_id="any", created="time"),
    _code("oauth-toolkit", "oauth2_provider_idtoken", "expires",
          jti="any", expires="time", scope="text", application_id="any", created="time"),
    _code("simplejwt", "token_blacklist_outstandingtoken", "expires_at",
          jti="text", token="text", created_at="time", expires_at="time", user_id="any"),
    _code("knox", "knox_authtoken", "expiry", digest="text", created="time", expiry="time", user_id="any"),
    _code("laravel-tokens", "personal_access_tokens", "expires_at",
          tokenable_type="text", tokenable_id="any", token="text", abilities="text", expires_at="time"),
    *map(_verification, ("verification_token", "verification_tokens", "verificationToken", "VerificationToken")),
    _code("better-auth", "verification", "expiresAt",
          identifier="text", value="text", expiresAt="time", createdAt="time", updatedAt="time"),
    # Entries of caches that say when they end.
    Preset("laravel-cache", "cache", "expiration", {"key": "text", "value": "text", "expiration": "number"}, units=1),
    Preset("laravel-cache", "cache_locks", "expiration", {"key": "text", "owner": "text", "expiration": "number"},
           units=1),
    _code("mediawiki", "objectcache", "exptime", keyname="any", value="any", exptime="any"),
    # Codes that say only when they were made.
    _history("phoenix-tokens", "users_tokens", "inserted_at", 90,
             user_id="any", token="any", context="text", sent_to="text", inserted_at="time"),
    _history("oauth-refresh-tokens", "oauth2_provider_refreshtoken", "revoked", 30,
             token="any", revoked="time", created="time", application_id="any", user_id="any"),
    _history("allauth-confirmations", "account_emailconfirmation", "sent", 30,
             key="text", sent="time", created="time", email_address_id="any"),
    _history("laravel-password-resets", "password_reset_tokens", "created_at", 7,
             email="text", token="text", created_at="time"),
    _history("laravel-password-resets", "password_resets", "created_at", 7,
             email="text", token="text", created_at="time"),
    # Jobs that are over.
    _history("laravel-jobs", "failed_jobs", "failed_at", 90,
             connection="text", queue="text", payload="text", exception="text", failed_at="time"),
    Preset("laravel-jobs", "job_batches", "finished_at",
           {"id": "text", "name": "text", "total_jobs": "number", "pending_jobs": "number", "failed_jobs": "number",
            "failed_job_ids": "text", "options": "any", "cancelled_at": "number", "created_at": "number",
            "finished_at": "number"},
           expires=False, advice=30 * _DAY, where=(Comparison("pending_jobs", "=", (0,)),), units=1),
    _history("solid-queue", "solid_queue_jobs", "finished_at", 30, queue_name="text", class_name="text",
             arguments="text", priority="number", active_job_id="text", scheduled_at="time", finished_at="time",
             concurrency_key="text", created_at="time", updated_at="time"),
    _history("good-job", "good_jobs", "finished_at", 30, queue_name="text", priority="number", serialized_params="any",
             scheduled_at="time", performed_at="time", finished_at="time", error="text", created_at="time",
             updated_at="time", active_job_id="any"),
    _history("delayed-job", "delayed_jobs", "failed_at", 90, priority="number", attempts="number", handler="text",
             last_error="text", run_at="time", locked_at="time", failed_at="time", locked_by="text", queue="text"),
    _history("oban", "oban_jobs", "completed_at", 30, _COMPLETED, state="any", queue="text", worker="text", args="any",
             errors="any", attempt="number", max_attempts="number", inserted_at="time", scheduled_at="time",
             attempted_at="time", completed_at="time"),
    _history("pg-boss", "job", "completed_on", 30, _COMPLETED, name="text", state="any", start_after="time",
             started_on="time", singleton_key="text", created_on="time", completed_on="time", keep_until="time"),
    _history("pg-boss", "archive", "archived_on", 30, name="text", state="any", start_after="time", started_on="time",
             singleton_key="text", created_on="time", completed_on="time", keep_until="time", archived_on="time"),
    _history("que", "que_jobs", "finished_at", 30, priority="number", run_at="time", job_class="text",
             error_count="number", queue="text", finished_at="time", expired_at="time", args="any"),
    _history("graphile-worker", "_private_jobs", "updated_at", 90, *_FAILED_FOR_GOOD, task_id="number", payload="any",
             run_at="time", attempts="number", max_attempts="number", last_error="text", updated_at="time", key="text",
             locked_at="time", locked_by="text", is_available="any"),
    _history("river", "river_job", "finalized_at", 30, state="any", attempt="number", max_attempts="number",
             attempted_at="time", created_at="time", finalized_at="time", scheduled_at="time", args="any", kind="text",
             queue="text"),
    # Results and logs.
    _history("celery-results", "django_celery_results_taskresult", "date_done", 30,
             task_id="text", status="text", result="any", date_done="time", traceback="any"),
    _history("celery-results", "django_celery_results_groupresult", "date_done", 30,
             group_id="text", date_created="time", date_done="time", result="any"),
    _history("celery-results", "celery_taskmeta", "date_done", 30,
             task_id="text", status="text", result="any", date_done="time", traceback="any"),
    _history("celery-results", "celery_tasksetmeta", "date_done", 30, taskset_id="text", result="any",
             date_done="time"),
    _history("admin-log", "django_admin_log", "action_time", 365,
             action_time="time", object_repr="text", action_flag="number", change_message="text", user_id="any"),
    _history("axes", "axes_accessattempt", "attempt_time", 90,
             user_agent="text", ip_address="any", username="text", attempt_time="time", failures_since_start="number"),
    _history("axes", "axes_accesslog", "attempt_time", 90,
             user_agent="text", ip_address="any", username="text", attempt_time="time", logout_time="time"),
    _history("axes", "axes_accessfailurelog", "attempt_time", 90,
             user_agent="text", ip_address="any", username="text", attempt_time="time", locked_out="any"),
    _history("post-office", "post_office_email", "last_updated", 90, Comparison("status", "=", (0,)),
             from_email="text", to="text", subject="text", status="number", created="time", last_updated="time"),
    _history("post-office", "post_office_log", "date", 90,
             email_id="any", date="time", status="number", message="text", exception_type="text"),
    _history("background-tasks", "background_task_completedtask", "run_at", 30,
             task_name="text", task_params="text", task_hash="text", run_at="time", attempts="number"),
    _history("django-q", "django_q_task", "stopped", 30, _SUCCESS,
             id="text", func="text", started="time", stopped="time", success="any"),
    _history("easy-audit", "easyaudit_crudevent", "datetime", 365,
             event_type="number", object_id="text", object_repr="any", datetime="time", content_type_id="any"),
    _history("easy-audit", "easyaudit_loginevent", "datetime", 365,
             login_type="number", username="any", datetime="time", remote_ip="any"),
    _history("easy-audit", "easyaudit_requestevent", "datetime", 90,
             url="text", method="text", datetime="time", remote_ip="any"),
)  # fmt: skip

NAMES: Final = tuple(dict.fromkeys(preset.name for preset in PRESETS))


def matching(tables: Mapping[str, Mapping[str, str]]) -> Iterator[tuple[Preset, str]]:
    """Yield each preset with the name of a table that is its own, with the schema where there is one."""
    for table, columns in tables.items():
        for preset in PRESETS:
            if table.rpartition(".")[2] == preset.table and preset.fits(columns):
                yield preset, table
