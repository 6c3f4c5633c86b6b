"""Registers the servers that tests ask for by fixture, and what tells the fast tier from the rest."""

from __future__ import annotations

from importlib.util import find_spec

pytest_plugins = [
    server
    for server in (
        "tests.tiers",
        "tests.servers.postgresql",  # first: others import from it, and pytest wants to see a plug-in before they do
        "tests.servers.browser",
        "tests.servers.mail",
        "tests.servers.mariadb",
        "tests.servers.mysql",
        "tests.servers.postgresql_15",
        "tests.servers.promtool",
        "tests.servers.valkey",
        "tests.servers.topologies",
        "tests.servers.memcached",
        "tests.servers.web",
    )
    if find_spec(server) is not None
]
