# ruff: noqa: E501, S608 - columns as their packages declare them
"""The presets, on tables made as their packages make them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from dvornik import presets
from dvornik.application import DatabasePlace
from dvornik.collectors.sessions import Sessions
from dvornik.config import RowsSection
from dvornik.databases import connect
from dvornik.model import Finding, Held, Reason
from dvornik.quantities import Duration

if TYPE_CHECKING:
    from pathlib import Path

    from dvornik.model import Seen

NOW = 1_750_000_000 * 10**9
ID = "id integer NOT NULL PRIMARY KEY AUTOINCREMENT"
MADE = {
    # Django 5.2, and packages as its migrations make their tables
    "django_session": "session_key varchar(40) NOT NULL PRIMARY KEY, session_data text NOT NULL,"
    " expire_date datetime NOT NULL",
    "user_sessions_session": "session_key varchar(40) NOT NULL PRIMARY KEY, session_data text NOT NULL, expire_date"
    " datetime NOT NULL, user_agent varchar(200) NULL, last_activity datetime NOT NULL, ip char(39) NULL, user_id integer",
    "qsessions_session": "session_key varchar(40) NOT NULL PRIMARY KEY, session_data text NOT NULL, expire_date datetime"
    " NOT NULL, user_agent varchar(300) NULL, created_at datetime NOT NULL, updated_at datetime NOT NULL,"
    " ip char(39) NULL, user_id integer NULL",
    "oauth2_provider_accesstoken": f"{ID}, token text NOT NULL, token_checksum varchar(64) NOT NULL UNIQUE, expires"
    " datetime NOT NULL, scope text NOT NULL, application_id bigint NULL, user_id integer NULL, created datetime"
    " NOT NULL, updated datetime NOT NULL, source_refresh_token_id bigint NULL, id_token_id bigint NULL",
    "oauth2_provider_grant": f"{ID}, code varchar(255) NOT NULL UNIQUE, expires datetime NOT NULL, redirect_uri text"
    " NOT NULL, scope text NOT NULL, application_id bigint NOT NULL, user_id integer NOT NULL, created datetime NOT NULL,"
    " updated datetime NOT NULL, code_challenge varchar(128) NOT NULL, nonce varchar(255) NOT NULL, claims text NOT NULL",
    "oauth2_provider_idtoken": f"{ID}, jti char(32) NOT NULL UNIQUE, expires datetime NOT NULL, scope text NOT NULL,"
    " created datetime NOT NULL, updated datetime NOT NULL, application_id bigint NULL, user_id integer NULL",
    "oauth2_provider_refreshtoken": f"{ID}, token varchar(255) NOT NULL, application_id bigint NOT NULL, user_id integer"
    " NOT NULL, created datetime NOT NULL, updated datetime NOT NULL, revoked datetime NULL, access_token_id bigint NULL",
    "token_blacklist_outstandingtoken": f"{ID}, token text NOT NULL, created_at datetime NULL, expires_at datetime"
    " NOT NULL, user_id integer NULL, jti varchar(255) NOT NULL UNIQUE",
    "knox_authtoken": "digest varchar(128) NOT NULL PRIMARY KEY, created datetime NOT NULL, user_id integer NOT NULL,"
    " expiry datetime NULL, token_key varchar(25) NOT NULL",
    "account_emailconfirmation": f"{ID}, created datetime NOT NULL, sent datetime NULL, key varchar(64) NOT NULL UNIQUE,"
    " email_address_id integer NOT NULL",
    "django_celery_results_taskresult": f"{ID}, task_id varchar(255) NOT NULL UNIQUE, status varchar(50) NOT NULL,"
    " content_type varchar(128) NOT NULL, content_encoding varchar(64) NOT NULL, result text NULL, date_done datetime"
    " NOT NULL, traceback text NULL, meta text NULL, task_args text NULL, task_kwargs text NULL, task_name varchar(255)"
    " NULL, worker varchar(100) NULL, date_created datetime NOT NULL, periodic_task_name varchar(255) NULL,"
    " date_started datetime NULL",
    "django_celery_results_groupresult": f"{ID}, group_id varchar(255) NOT NULL UNIQUE, date_created datetime NOT NULL,"
    " date_done datetime NOT NULL, content_type varchar(128) NOT NULL, content_encoding varchar(64) NOT NULL, result text",
    "django_admin_log": f"{ID}, object_id text NULL, object_repr varchar(200) NOT NULL, action_flag smallint unsigned"
    " NOT NULL, change_message text NOT NULL, content_type_id integer NULL, user_id integer NOT NULL, action_time"
    " datetime NOT NULL",
    "axes_accessattempt": f"{ID}, user_agent varchar(255) NOT NULL, ip_address char(39) NULL, username varchar(255) NULL,"
    " http_accept varchar(1025) NOT NULL, path_info varchar(255) NOT NULL, attempt_time datetime NOT NULL, get_data text"
    " NOT NULL, post_data text NOT NULL, failures_since_start integer unsigned NOT NULL",
    "axes_accesslog": f"{ID}, user_agent varchar(255) NOT NULL, ip_address char(39) NULL, username varchar(255) NULL,"
    " http_accept varchar(1025) NOT NULL, path_info varchar(255) NOT NULL, attempt_time datetime NOT NULL, logout_time"
    " datetime NULL, session_hash varchar(64) NOT NULL",
    "axes_accessfailurelog": f"{ID}, user_agent varchar(255) NOT NULL, ip_address char(39) NULL, username varchar(255)"
    " NULL, http_accept varchar(1025) NOT NULL, path_info varchar(255) NOT NULL, attempt_time datetime NOT NULL,"
    " locked_out bool NOT NULL",
    "post_office_email": f'{ID}, from_email varchar(254) NOT NULL, "to" text NOT NULL, cc text NOT NULL, bcc text'
    " NOT NULL, subject varchar(989) NOT NULL, message text NOT NULL, html_message text NOT NULL, status smallint"
    " unsigned NULL, priority smallint unsigned NULL, created datetime NOT NULL, last_updated datetime NOT NULL,"
    " scheduled_time datetime NULL, headers text NULL, context text NULL, template_id integer NULL",
    "post_office_log": f"{ID}, date datetime NOT NULL, status smallint unsigned NOT NULL, exception_type varchar(255)"
    " NOT NULL, message text NOT NULL, email_id integer NOT NULL",
    "background_task_completedtask": f"{ID}, task_name varchar(190) NOT NULL, task_params text NOT NULL, task_hash"
    " varchar(40) NOT NULL, verbose_name varchar(255) NULL, priority integer NOT NULL, run_at datetime NOT NULL,"
    " attempts integer NOT NULL, failed_at datetime NULL, last_error text NOT NULL, locked_by varchar(64) NULL",
    "django_q_task": "id varchar(32) NOT NULL PRIMARY KEY, name varchar(100) NOT NULL, func varchar(256) NOT NULL, hook"
    " varchar(256) NULL, args text NULL, kwargs text NULL, result text NULL, started datetime NOT NULL, stopped datetime"
    ' NOT NULL, success bool NOT NULL, "group" varchar(100) NULL, attempt_count integer NOT NULL',
    "easyaudit_crudevent": f"{ID}, event_type smallint NOT NULL, object_id varchar(255) NOT NULL, object_repr text NULL,"
    " object_json_repr text NULL, datetime datetime NOT NULL, content_type_id integer NOT NULL, user_id integer NULL",
    "easyaudit_loginevent": f"{ID}, login_type smallint NOT NULL, username varchar(255) NULL, datetime datetime NOT NULL,"
    " user_id integer NULL, remote_ip varchar(50) NULL",
    "easyaudit_requestevent": f"{ID}, url varchar(254) NOT NULL, method varchar(20) NOT NULL, query_string text NULL,"
    " user_id integer NULL, remote_ip varchar(50) NULL, datetime datetime NOT NULL",
    # Celery's own result backend, by SQLAlchemy
    "celery_taskmeta": "id INTEGER NOT NULL PRIMARY KEY, task_id VARCHAR(155), status VARCHAR(50), result BLOB,"
    " date_done DATETIME, traceback TEXT, name VARCHAR(155), args BLOB, kwargs BLOB, worker VARCHAR(155)",
    "celery_tasksetmeta": "id INTEGER NOT NULL PRIMARY KEY, taskset_id VARCHAR(155), result BLOB, date_done DATETIME",
    # Laravel 11
    "personal_access_tokens": f"{ID}, tokenable_type varchar NOT NULL, tokenable_id integer NOT NULL, name varchar"
    " NOT NULL, token varchar NOT NULL, abilities text, last_used_at datetime, expires_at datetime, created_at datetime",
    "password_reset_tokens": "email varchar NOT NULL PRIMARY KEY, token varchar NOT NULL, created_at datetime",
    "password_resets": "email varchar NOT NULL, token varchar NOT NULL, created_at datetime",
    "session": "sid varchar NOT NULL PRIMARY KEY, sess json NOT NULL, expire timestamp(6) NOT NULL",
}
SESSIONS = {
    "flask-session": "id INTEGER NOT NULL PRIMARY KEY, session_id VARCHAR(255) UNIQUE, data BLOB, expiry DATETIME",
    "express-mysql-session": "session_id varchar(128) NOT NULL PRIMARY KEY, expires int unsigned NOT NULL, data text",
    "connect-sqlite3": "sid PRIMARY KEY, expired, sess",
    "better-sqlite3-session-store": "sid TEXT NOT NULL PRIMARY KEY, sess JSON NOT NULL, expire TEXT NOT NULL",
    "symfony-sessions": "sess_id VARCHAR(128) NOT NULL PRIMARY KEY, sess_data BLOB NOT NULL, sess_lifetime INTEGER"
    " NOT NULL, sess_time INTEGER NOT NULL",
    "laravel-sessions": "id varchar NOT NULL PRIMARY KEY, user_id integer, ip_address varchar, user_agent text, payload"
    " text NOT NULL, last_activity integer NOT NULL",
    "rails-sessions": f"{ID}, session_id varchar NOT NULL, data text, created_at datetime(6) NOT NULL, updated_at"
    " datetime(6) NOT NULL",
}
AUTHJS = "id TEXT NOT NULL PRIMARY KEY, sessionToken TEXT NOT NULL, userId TEXT NOT NULL, expires DATETIME NOT NULL"
JOB = (
    "id uuid, name text NOT NULL, priority integer, data jsonb, state text NOT NULL, retry_limit integer, start_after"
    " timestamptz, started_on timestamptz, singleton_key text, singleton_on timestamp, expire_in interval, created_on"
    " timestamptz, completed_on timestamptz, keep_until timestamptz, output jsonb, dead_letter text, policy text"
)
MORE = [
    *((table, AUTHJS, "authjs") for table in ("sessions", "session", "Session")),
    *(
        (table, "identifier TEXT NOT NULL, token TEXT NOT NULL, expires DATETIME NOT NULL", "authjs")
        for table in ("verification_token", "verification_tokens", "verificationToken", "VerificationToken")
    ),
    (
        "session",
        (
            "id text NOT NULL PRIMARY KEY, expiresAt date NOT NULL, token text NOT NULL UNIQUE, createdAt date NOT NULL,"
            " updatedAt date NOT NULL, ipAddress text, userAgent text, userId text NOT NULL"
        ),
        "better-auth",
    ),
    (
        "verification",
        (
            "id text NOT NULL PRIMARY KEY, identifier text NOT NULL, value text NOT NULL, expiresAt date NOT NULL, createdAt"
            " date NOT NULL, updatedAt date NOT NULL"
        ),
        "better-auth",
    ),
    (
        "directus_sessions",
        (
            "token varchar(64) NOT NULL PRIMARY KEY, user char(36), expires datetime NOT NULL, ip varchar(255), user_agent"
            " text, share char(36), origin varchar(255), next_token varchar(64)"
        ),
        "directus",
    ),
    ("cache", "key varchar NOT NULL PRIMARY KEY, value text NOT NULL, expiration integer NOT NULL", "laravel-cache"),
    (
        "cache_locks",
        "key varchar NOT NULL PRIMARY KEY, owner varchar NOT NULL, expiration integer NOT NULL",
        "laravel-cache",
    ),
    (
        "objectcache",
        (
            "keyname BLOB DEFAULT '' NOT NULL, value BLOB DEFAULT NULL, exptime BLOB NOT NULL, modtoken VARCHAR(17) DEFAULT"
            " '00000000000000000' NOT NULL, flags INTEGER UNSIGNED DEFAULT NULL, PRIMARY KEY(keyname)"
        ),
        "mediawiki",
    ),
    (
        "users_tokens",
        (
            f"{ID}, user_id bigint NOT NULL, token blob NOT NULL, context text NOT NULL, sent_to text, authenticated_at"
            " datetime, inserted_at datetime NOT NULL"
        ),
        "phoenix-tokens",
    ),
    (
        "failed_jobs",
        (
            f"{ID}, uuid varchar NOT NULL UNIQUE, connection text NOT NULL, queue text NOT NULL, payload text NOT NULL,"
            " exception text NOT NULL, failed_at datetime NOT NULL"
        ),
        "laravel-jobs",
    ),
    (
        "job_batches",
        (
            "id varchar NOT NULL PRIMARY KEY, name varchar NOT NULL, total_jobs integer NOT NULL, pending_jobs integer NOT"
            " NULL, failed_jobs integer NOT NULL, failed_job_ids text NOT NULL, options text, cancelled_at integer,"
            " created_at integer NOT NULL, finished_at integer"
        ),
        "laravel-jobs",
    ),
    (
        "solid_queue_jobs",
        (
            f"{ID}, queue_name varchar NOT NULL, class_name varchar NOT NULL, arguments text, priority integer DEFAULT 0 NOT"
            " NULL, active_job_id varchar, scheduled_at datetime(6), finished_at datetime(6), concurrency_key varchar,"
            " created_at datetime(6) NOT NULL, updated_at datetime(6) NOT NULL"
        ),
        "solid-queue",
    ),
    (
        "good_jobs",
        (
            "id uuid PRIMARY KEY, queue_name text, priority integer, serialized_params jsonb, scheduled_at timestamp,"
            " performed_at timestamp, finished_at timestamp, error text, created_at timestamp NOT NULL, updated_at timestamp"
            " NOT NULL, active_job_id uuid, concurrency_key text, cron_key text, cron_at timestamp, batch_id uuid"
        ),
        "good-job",
    ),
    (
        "delayed_jobs",
        (
            f"{ID}, priority integer DEFAULT 0 NOT NULL, attempts integer DEFAULT 0 NOT NULL, handler text NOT NULL,"
            " last_error text, run_at datetime, locked_at datetime, failed_at datetime, locked_by varchar, queue varchar,"
            " created_at datetime, updated_at datetime"
        ),
        "delayed-job",
    ),
    (
        "oban_jobs",
        (
            f"{ID}, state text NOT NULL, queue text NOT NULL, worker text NOT NULL, args json NOT NULL, meta json NOT NULL,"
            " tags json NOT NULL, errors json NOT NULL, attempt integer NOT NULL, max_attempts integer NOT NULL, priority"
            " integer NOT NULL, inserted_at datetime NOT NULL, scheduled_at datetime NOT NULL, attempted_at datetime,"
            " attempted_by json, cancelled_at datetime, completed_at datetime, discarded_at datetime"
        ),
        "oban",
    ),
    ("job", JOB, "pg-boss"),
    ("archive", f"{JOB}, archived_on timestamptz NOT NULL", "pg-boss"),
    # as on PostgreSQL, which these packages need
    (
        "que_jobs",
        (
            f"{ID}, priority smallint NOT NULL, run_at timestamptz NOT NULL, job_class text NOT NULL, error_count integer NOT NULL,"
            " last_error_message text, queue text NOT NULL, last_error_backtrace text, finished_at timestamptz, expired_at timestamptz,"
            " args json NOT NULL, data json NOT NULL, job_schema_version integer NOT NULL, kwargs json NOT NULL"
        ),
        "que",
    ),
    (
        "_private_jobs",
        (
            f"{ID}, job_queue_id int, task_id int NOT NULL, payload json NOT NULL, priority smallint NOT NULL, run_at timestamptz NOT NULL,"
            " attempts smallint NOT NULL, max_attempts smallint NOT NULL, last_error text, created_at timestamptz NOT NULL, updated_at"
            " timestamptz NOT NULL, key text, locked_at timestamptz, locked_by text, revision int NOT NULL, flags json, is_available bool"
        ),
        "graphile-worker",
    ),
    (
        "river_job",
        (
            f"{ID}, state text NOT NULL, attempt smallint NOT NULL, max_attempts smallint NOT NULL, attempted_at timestamptz, created_at"
            " timestamptz NOT NULL, finalized_at timestamptz, scheduled_at timestamptz NOT NULL, priority smallint NOT NULL, args json NOT"
            " NULL, attempted_by json, errors json, kind text NOT NULL, metadata json NOT NULL, queue text NOT NULL, tags json NOT NULL"
        ),
        "river",
    ),
]
TABLES = [(table, columns, "" if table != "session" else "connect-pg-simple") for table, columns in MADE.items()]
TABLES += [("sessions", columns, name) for name, columns in SESSIONS.items()]
TABLES += MORE
FIXED = {"state": "completed", "pending_jobs": 0, "is_available": 0}
NUMBERS = {
    **dict.fromkeys(("expires", "sess_lifetime", "sess_time", "last_activity"), 1),
    **dict.fromkeys(("expiration", "cancelled_at", "finished_at"), 1),
    "expired": 1_000,
}


class Site:
    """A database file with one table."""

    def __init__(self, path: Path, table: str, columns: str) -> None:
        self.path, self.table = path, table
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(f"CREATE TABLE {table} ({columns})")

    def add(self, days: float) -> None:
        """Insert a row of which every time lies so many days from now."""
        with closing(sqlite3.connect(self.path)) as connection, connection:
            columns = connection.execute("SELECT name, type FROM pragma_table_info(?)", (self.table,)).fetchall()
            (count,) = connection.execute(f"SELECT count(*) FROM {self.table}").fetchone()
            moment = datetime.fromtimestamp(NOW / 1e9, UTC).replace(tzinfo=None) + timedelta(days=days)
            row = {name: self._value(name, kind.lower(), moment, count) for name, kind in columns}
            names, marks = ", ".join(f'"{name}"' for name in row), ", ".join("?" * len(row))
            connection.execute(f"INSERT INTO {self.table} ({names}) VALUES ({marks})", list(row.values()))

    def _value(self, name: str, kind: str, moment: datetime, count: int) -> object:
        if name in FIXED or (name, self.table) == ("locked_at", "_private_jobs"):
            return FIXED.get(name)
        if name == "exptime":
            return moment.strftime("%Y%m%d%H%M%S")
        is_time = "time" in kind or kind == "date" or name in {"expire", "expired"}
        if name == "expired" or ("int" in kind and name in NUMBERS):
            return int(moment.replace(tzinfo=UTC).timestamp()) * NUMBERS[name]
        if is_time:
            return moment.isoformat() + ("Z" if kind == "text" else "")
        if "int" in kind or "bool" in kind:
            return count + 1 if name == "id" else {"status": 0}.get(name, 1)
        return f"x{count}"

    def rows(self) -> int:
        with closing(sqlite3.connect(self.path)) as connection:
            return int(connection.execute(f"SELECT count(*) FROM {self.table}").fetchone()[0])

    def collector(self, *settings: RowsSection) -> Sessions:
        return Sessions({"main": connect(DatabasePlace("main", f"sqlite:///{self.path}"))}, [], settings)


def preset_of(table: str, name: str) -> presets.Preset:
    (found,) = [each for each in presets.PRESETS if each.table == table and name in {"", each.name}]
    return found


def scan(collector: Sessions) -> list[Seen]:
    return [seen for seen in collector.scan(NOW, thorough=False) if isinstance(seen, Finding | Held)]


def test_every_preset_is_tried() -> None:
    tried = {(preset_of(table, name).name, table) for table, _columns, name in TABLES}
    assert {(preset.name, preset.table) for preset in presets.PRESETS} == tried


@pytest.mark.parametrize(("table", "columns", "name"), TABLES)
def test_its_table_is_recognised_and_only_what_ended_goes(tmp_path: Path, table: str, columns: str, name: str) -> None:
    site, preset = Site(tmp_path / "site.db", table, columns), preset_of(table, name)
    site.add(-3)
    site.add(+3)
    site.add(-999)
    collector = site.collector()
    (seen,) = scan(collector)
    if preset.expires:
        assert isinstance(seen, Finding)
        assert (seen.rule, seen.container, collector.apply(seen, "run").done) == (preset.rule, table, seen.count)
        assert (seen.count, site.rows()) == (2, 1)
    else:
        assert seen == Held(preset.rule, "main", table, Reason.NO_RETENTION, 1, detail=f"{preset.name}:{table}")


@pytest.mark.parametrize(
    ("table", "columns", "name"), [each for each in TABLES if not preset_of(each[0], each[2]).expires]
)
def test_history_goes_once_a_retention_is_named(tmp_path: Path, table: str, columns: str, name: str) -> None:
    site, preset = Site(tmp_path / "site.db", table, columns), preset_of(table, name)
    site.add(-3)
    site.add(-999)
    collector = site.collector(RowsSection(preset=preset.name, retention=Duration("10d")))
    (finding,) = scan(collector)
    assert isinstance(finding, Finding)
    assert collector.apply(finding, "run").done == 1
    assert site.rows() == 1


@pytest.mark.parametrize(("table", "columns", "name"), TABLES)
def test_a_table_that_lacks_a_column_is_another_s(tmp_path: Path, table: str, columns: str, name: str) -> None:
    preset = preset_of(table, name)
    site = Site(tmp_path / "site.db", table, columns)
    found = dict(site.collector()._databases["main"].tables()[table])
    assert preset.fits(found)
    for column, kind in preset.columns.items():
        assert not preset.fits({key: value for key, value in found.items() if key != column})
        assert kind == "any" or not preset.fits({**found, column: "other"})


def test_a_preset_that_is_switched_off_finds_nothing(tmp_path: Path) -> None:
    site = Site(tmp_path / "site.db", "django_session", MADE["django_session"])
    site.add(-99)
    assert scan(site.collector(RowsSection(preset="django-sessions", enabled=False))) == []
    assert scan(site.collector(RowsSection(table="django_session", database="main", enabled=False))) == []


def test_lifetimes_of_an_old_symfony_are_no_times_and_nothing_goes(tmp_path: Path) -> None:
    site = Site(tmp_path / "site.db", "sessions", SESSIONS["symfony-sessions"])
    with closing(sqlite3.connect(site.path)) as connection, connection:
        connection.execute("INSERT INTO sessions VALUES ('a', '', 1440, 1000000000)")
    assert scan(site.collector()) == []


def test_times_without_a_zone_are_kept_for_a_day_more(tmp_path: Path) -> None:
    site = Site(tmp_path / "site.db", "django_session", MADE["django_session"])
    site.add(-0.9)
    assert scan(site.collector()) == []
