# ruff: noqa: E501 - columns as their packages declare them
"""Presets on real servers, in the tables that the packages' own migrations make: what is over goes, what lives stays."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

import pytest

from dvornik import presets
from dvornik.collectors.sessions import Sessions
from dvornik.config import RowsSection
from dvornik.model import Finding, Held, Reason
from dvornik.quantities import Duration
from tests.contract.test_databases import Site, mariadb, mysql, postgresql, postgresql_15, postgresql_18
from tests.servers.mysql import on_mysql

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["mariadb", "mysql", "postgresql", "postgresql_15", "postgresql_18"]

LONG_AGO, AHEAD = "2001-02-03 04:05:06", "2090-02-03 04:05:06"


class Package(NamedTuple):
    """The preset, the statements that make its table, the table, and the values of a row that is over and of two that are not."""

    preset: str
    made: Sequence[str]
    table: str
    over: str
    living: Sequence[str]
    triggers: bool = False
    """Whether the package's own triggers act on what is deleted."""


OBAN = (
    "id bigserial PRIMARY KEY, state oban_job_state NOT NULL DEFAULT 'available', queue text NOT NULL DEFAULT 'default', worker text"
    " NOT NULL, args jsonb NOT NULL DEFAULT '{}', errors jsonb[] NOT NULL DEFAULT ARRAY[]::jsonb[], attempt int NOT NULL DEFAULT 0,"
    " max_attempts int NOT NULL DEFAULT 20, inserted_at timestamp NOT NULL DEFAULT now(), scheduled_at timestamp NOT NULL DEFAULT"
    " now(), attempted_at timestamp, completed_at timestamp, attempted_by text[], discarded_at timestamp, priority int NOT NULL DEFAULT"
    " 0, tags varchar(255)[], meta jsonb DEFAULT '{}', cancelled_at timestamp"
)
PG_BOSS = (
    "id uuid NOT NULL DEFAULT gen_random_uuid(), name text NOT NULL, priority integer NOT NULL DEFAULT 0, data jsonb, state"
    " pgboss.job_state NOT NULL DEFAULT 'created', retry_limit integer NOT NULL DEFAULT 2, retry_count integer NOT NULL DEFAULT 0,"
    " retry_delay integer NOT NULL DEFAULT 0, retry_backoff boolean NOT NULL DEFAULT false, start_after timestamptz NOT NULL DEFAULT"
    " now(), started_on timestamptz, singleton_key text, singleton_on timestamp, expire_in interval NOT NULL DEFAULT interval '15"
    " minutes', created_on timestamptz NOT NULL DEFAULT now(), completed_on timestamptz, keep_until timestamptz NOT NULL DEFAULT now()"
    " + interval '14 days', output jsonb, dead_letter text, policy text"
)
GOOD_JOB = (
    "id uuid PRIMARY KEY DEFAULT gen_random_uuid(), queue_name text, priority integer, serialized_params jsonb, scheduled_at"
    " timestamp(6), performed_at timestamp(6), finished_at timestamp(6), error text, created_at timestamp(6) NOT NULL DEFAULT now(),"
    " updated_at timestamp(6) NOT NULL DEFAULT now(), active_job_id uuid, concurrency_key text, cron_key text, retried_good_job_id"
    " uuid, cron_at timestamp(6), batch_id uuid, batch_callback_id uuid, is_discrete boolean, executions_count integer, job_class"
    " text, error_event smallint"
)
QUE = (
    "priority smallint NOT NULL DEFAULT 100, run_at timestamptz NOT NULL DEFAULT now(), id bigserial PRIMARY KEY, job_class text NOT"
    " NULL, error_count integer NOT NULL DEFAULT 0, last_error_message text, queue text NOT NULL DEFAULT 'default', last_error_backtrace"
    " text, finished_at timestamptz, expired_at timestamptz, args jsonb NOT NULL DEFAULT '[]', data jsonb NOT NULL DEFAULT '{}',"
    " job_schema_version integer NOT NULL DEFAULT 2, kwargs jsonb NOT NULL DEFAULT '{}'"
)
GRAPHILE_WORKER = (
    "id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, job_queue_id int, task_id int NOT NULL, payload json NOT NULL DEFAULT '{}',"
    " priority smallint NOT NULL DEFAULT 0, run_at timestamptz NOT NULL DEFAULT now(), attempts smallint NOT NULL DEFAULT 0,"
    " max_attempts smallint NOT NULL DEFAULT 25, last_error text, created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz"
    " NOT NULL DEFAULT now(), key text UNIQUE, locked_at timestamptz, locked_by text, revision int NOT NULL DEFAULT 0, flags jsonb,"
    " is_available boolean GENERATED ALWAYS AS (locked_at IS NULL AND attempts < max_attempts) STORED NOT NULL"
)
RIVER = (
    "id bigserial PRIMARY KEY, state river_job_state NOT NULL DEFAULT 'available', attempt smallint NOT NULL DEFAULT 0, max_attempts"
    " smallint NOT NULL, attempted_at timestamptz, created_at timestamptz NOT NULL DEFAULT now(), finalized_at timestamptz, scheduled_at"
    " timestamptz NOT NULL DEFAULT now(), priority smallint NOT NULL DEFAULT 1, args jsonb NOT NULL, attempted_by text[], errors jsonb[],"
    " kind text NOT NULL, metadata jsonb NOT NULL DEFAULT '{}', queue text NOT NULL DEFAULT 'default', tags varchar(255)[] NOT NULL"
    " DEFAULT '{}', unique_key bytea, unique_states bit(8)"
)
SOLID_QUEUE = (
    "queue_name varchar(255) NOT NULL, class_name varchar(255) NOT NULL, arguments text, priority integer DEFAULT 0 NOT NULL,"
    " active_job_id varchar(255), scheduled_at {time}, finished_at {time}, concurrency_key varchar(255), created_at {time} NOT NULL,"
    " updated_at {time} NOT NULL"
)
DIRECTUS = (
    "token varchar(64) NOT NULL PRIMARY KEY, {user} {id}, expires timestamp NOT NULL, ip varchar(255), user_agent text, share {id},"
    " origin varchar(255), next_token varchar(64)"
)
ON_POSTGRESQL = [
    Package(
        "oban",
        [
            "CREATE TYPE oban_job_state AS ENUM ('available', 'scheduled', 'executing', 'retryable', 'completed', 'discarded', 'cancelled')",
            f"CREATE TABLE oban_jobs ({OBAN})",
        ],
        "oban_jobs (worker, state, completed_at)",
        f"'W', 'completed', '{LONG_AGO}'",
        ["'W', 'available', NULL", f"'W', 'retryable', '{LONG_AGO}'"],
    ),
    Package(
        "pg-boss",
        [
            "CREATE SCHEMA pgboss",
            "CREATE TYPE pgboss.job_state AS ENUM ('created', 'retry', 'active', 'completed', 'cancelled', 'failed')",
            f"CREATE TABLE pgboss.job ({PG_BOSS}) PARTITION BY LIST (name)",
            "CREATE TABLE pgboss.j1 (LIKE pgboss.job INCLUDING DEFAULTS)",
            "ALTER TABLE pgboss.j1 ADD PRIMARY KEY (name, id)",
            "ALTER TABLE pgboss.job ATTACH PARTITION pgboss.j1 FOR VALUES IN ('mail')",
        ],
        "pgboss.job (name, state, completed_on)",
        f"'mail', 'completed', '{LONG_AGO}'",
        ["'mail', 'active', NULL", f"'mail', 'failed', '{LONG_AGO}'"],
    ),
    Package(
        "good-job",
        [f"CREATE TABLE good_jobs ({GOOD_JOB})"],
        "good_jobs (queue_name, scheduled_at, finished_at)",
        f"'mail', '{LONG_AGO}', '{LONG_AGO}'",
        [f"'mail', '{LONG_AGO}', NULL", f"'mail', '{LONG_AGO}', localtimestamp"],
    ),
    Package(
        "que",
        [
            f"CREATE TABLE que_jobs ({QUE})",
            "CREATE FUNCTION que_state_notify() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$",
            "CREATE TRIGGER que_state_notify AFTER INSERT OR UPDATE OR DELETE ON que_jobs FOR EACH ROW EXECUTE FUNCTION que_state_notify()",
        ],
        "que_jobs (job_class, run_at, finished_at, expired_at)",
        f"'J', '{LONG_AGO}', '{LONG_AGO}', NULL",
        [f"'J', '{LONG_AGO}', NULL, NULL", f"'J', '{LONG_AGO}', NULL, '{LONG_AGO}'"],
        triggers=True,
    ),
    Package(
        "graphile-worker",
        ["CREATE SCHEMA graphile_worker", f"CREATE TABLE graphile_worker._private_jobs ({GRAPHILE_WORKER})"],
        "graphile_worker._private_jobs (task_id, attempts, updated_at, locked_at)",
        f"1, 25, '{LONG_AGO}', NULL",
        [f"1, 24, '{LONG_AGO}', NULL", f"1, 25, '{LONG_AGO}', '{LONG_AGO}'", "1, 25, now(), NULL"],
    ),
    Package(
        "river",
        [
            (
                "CREATE TYPE river_job_state AS ENUM ('available', 'cancelled', 'completed', 'discarded', 'pending', 'retryable', 'running',"
                " 'scheduled')"
            ),
            f"CREATE TABLE river_job ({RIVER})",
        ],
        "river_job (state, max_attempts, args, kind, finalized_at)",
        f"'completed', 5, '{{}}', 'k', '{LONG_AGO}'",
        ["'retryable', 5, '{}', 'k', NULL"],
    ),
    Package(
        "solid-queue",
        [f"CREATE TABLE solid_queue_jobs (id bigserial PRIMARY KEY, {SOLID_QUEUE.format(time='timestamp(6)')})"],
        "solid_queue_jobs (queue_name, class_name, created_at, updated_at, finished_at)",
        f"'q', 'C', '{LONG_AGO}', '{LONG_AGO}', '{LONG_AGO}'",
        [f"'q', 'C', '{LONG_AGO}', '{LONG_AGO}', NULL"],
    ),
    Package(
        "phoenix-tokens",
        [
            (
                "CREATE TABLE users_tokens (id bigserial PRIMARY KEY, user_id bigint NOT NULL, token bytea NOT NULL, context varchar(255) NOT"
                " NULL, sent_to varchar(255), authenticated_at timestamp(0), inserted_at timestamp(0) NOT NULL)"
            )
        ],
        "users_tokens (user_id, token, context, inserted_at)",
        f"1, 'a', 'session', '{LONG_AGO}'",
        ["1, 'b', 'session', localtimestamp"],
    ),
    Package(
        "authjs",
        [
            (
                'CREATE TABLE "Session" (id text PRIMARY KEY, "sessionToken" text NOT NULL UNIQUE, "userId" text NOT NULL, expires'
                " timestamp(3) NOT NULL)"
            )
        ],
        '"Session" (id, "sessionToken", "userId", expires)',
        f"'1', 'a', 'u', '{LONG_AGO}'",
        [f"'2', 'b', 'u', '{AHEAD}'"],
    ),
    Package(
        "better-auth",
        [
            (
                'CREATE TABLE session (id text PRIMARY KEY, "expiresAt" timestamptz NOT NULL, token text NOT NULL UNIQUE, "createdAt"'
                ' timestamptz NOT NULL DEFAULT now(), "updatedAt" timestamptz NOT NULL DEFAULT now(), "ipAddress" text, "userAgent" text,'
                ' "userId" text NOT NULL)'
            )
        ],
        'session (id, token, "userId", "expiresAt")',
        f"'1', 'a', 'u', '{LONG_AGO}'",
        [f"'2', 'b', 'u', '{AHEAD}'"],
    ),
    Package(
        "directus",
        [
            "CREATE TABLE directus_sessions ("
            + DIRECTUS.format(user='"user"', id="uuid").replace("timestamp", "timestamptz")
            + ")"
        ],
        "directus_sessions (token, expires)",
        f"'a', '{LONG_AGO}'",
        [f"'b', '{AHEAD}'"],
    ),
    Package(
        "mediawiki",
        [
            (
                "CREATE TABLE objectcache (keyname text DEFAULT '' PRIMARY KEY, value text, exptime timestamptz NOT NULL, modtoken varchar(17)"
                " DEFAULT '00000000000000000' NOT NULL, flags int)"
            )
        ],
        "objectcache (keyname, exptime)",
        f"'a', '{LONG_AGO}'",
        [f"'b', '{AHEAD}'", "'c', 'infinity'"],
    ),
]
ON_MYSQL = [
    Package(
        "mediawiki",
        [
            (
                "CREATE TABLE objectcache (keyname varbinary(255) DEFAULT '' NOT NULL, value mediumblob, exptime binary(14) NOT NULL, modtoken"
                " varchar(17) DEFAULT '00000000000000000' NOT NULL, flags int unsigned, PRIMARY KEY (keyname))"
            )
        ],
        "objectcache (keyname, exptime)",
        "'a', '20010203040506'",
        ["'b', '20900203040506'", "'c', '99991231235959'"],
    ),
    Package(
        "laravel-cache",
        [
            "CREATE TABLE cache (key varchar(255) NOT NULL PRIMARY KEY, value mediumtext NOT NULL, expiration int NOT NULL)"
        ],
        "cache (key, value, expiration)",
        "'a', 'x', 981173106",
        [f"'b', 'x', {int(time.time()) + 86_400}"],
    ),
    Package(
        "laravel-jobs",
        [
            (
                "CREATE TABLE failed_jobs (id bigint unsigned AUTO_INCREMENT PRIMARY KEY, uuid varchar(255) NOT NULL UNIQUE, connection text"
                " NOT NULL, queue text NOT NULL, payload longtext NOT NULL, exception longtext NOT NULL, failed_at timestamp DEFAULT"
                " CURRENT_TIMESTAMP)"
            )
        ],
        "failed_jobs (uuid, connection, queue, payload, exception, failed_at)",
        f"'a', '', '', '', '', '{LONG_AGO}'",
        ["'b', '', '', '', '', now()"],
    ),
    Package(
        "laravel-jobs",
        [
            (
                "CREATE TABLE job_batches (id varchar(255) PRIMARY KEY, name varchar(255) NOT NULL, total_jobs int NOT NULL, pending_jobs int"
                " NOT NULL, failed_jobs int NOT NULL, failed_job_ids longtext NOT NULL, options mediumtext, cancelled_at int, created_at int"
                " NOT NULL, finished_at int)"
            )
        ],
        "job_batches (id, name, total_jobs, failed_jobs, failed_job_ids, created_at, pending_jobs, finished_at)",
        "'a', '', 1, 0, '', 1, 0, 981173106",
        ["'b', '', 1, 0, '', 1, 1, 981173106", "'c', '', 1, 0, '', 1, 0, NULL"],
    ),
    Package(
        "solid-queue",
        [
            f"CREATE TABLE solid_queue_jobs (id bigint AUTO_INCREMENT PRIMARY KEY, {SOLID_QUEUE.format(time='datetime(6)')})"
        ],
        "solid_queue_jobs (queue_name, class_name, created_at, updated_at, finished_at)",
        f"'q', 'C', '{LONG_AGO}', '{LONG_AGO}', '{LONG_AGO}'",
        [f"'q', 'C', '{LONG_AGO}', '{LONG_AGO}', NULL"],
    ),
    Package(
        "directus",
        [
            "CREATE TABLE directus_sessions ("
            + DIRECTUS.format(user="`user`", id="char(36)").replace("timestamp", "datetime")
            + ")"
        ],
        "directus_sessions (token, expires)",
        f"'a', '{LONG_AGO}'",
        [f"'b', '{AHEAD}'"],
    ),
]


def cleaned(site: Site, package: Package, *settings: RowsSection) -> int:
    """Clean, and return how many rows went."""
    collector = Sessions({"main": site.database}, [], settings)
    found = [seen for seen in collector.scan(time.time_ns(), thorough=False) if isinstance(seen, Finding)]
    return sum(collector.apply(finding, "run").done for finding in found)


def check(site: Site, package: Package) -> None:
    for statement in package.made:
        site.execute(statement)
    for values in (package.over, *package.living):
        site.execute(f"INSERT INTO {package.table} VALUES ({values})")  # noqa: S608 - made up here
    expires = any(preset.expires for preset in presets.PRESETS if preset.name == package.preset)
    if not expires:
        seen = list(Sessions({"main": site.database}, []).scan(time.time_ns(), thorough=False))
        (held,) = [each for each in seen if isinstance(each, Held)]
        assert (held.reason, held.count) == (Reason.NO_RETENTION, 1)
    section = RowsSection(preset=package.preset, database="main", retention=Duration("30d"), triggers=package.triggers)
    retention = [] if expires else [section]
    assert cleaned(site, package, *retention) == 1
    assert site.execute(f"SELECT count(*) FROM {package.table.split(' (')[0]}") == [(len(package.living),)]  # noqa: S608 - as above


@pytest.mark.parametrize("package", ON_POSTGRESQL, ids=lambda each: each.preset)
def test_a_package_s_rows_that_are_over_go_on_postgresql(postgresql: Site, package: Package) -> None:
    check(postgresql, package)


@pytest.mark.parametrize("package", ON_MYSQL, ids=lambda each: each.table.split(" ")[0])
@pytest.mark.parametrize("server", ["mariadb", on_mysql("mysql")])
def test_a_package_s_rows_that_are_over_go_on_mysql(
    request: pytest.FixtureRequest, server: str, package: Package
) -> None:
    check(request.getfixturevalue(server), package)
