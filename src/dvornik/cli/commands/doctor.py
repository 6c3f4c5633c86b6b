"""``dvornik doctor``: one screen on where the space went and whether the installation is set up right."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import click
import msgspec

from dvornik import diagnosis, health, quick_health
from dvornik.cli import options
from dvornik.cli.cleaning import say
from dvornik.languages import _, current, ngettext
from dvornik.model import UnreachableError
from dvornik.reports import text, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dvornik.cli.yard import Yard

_LOW = 0.1
"""Share of free space or inodes below which a disk is called full."""


def doctor() -> click.Command:
    """Build the verb."""

    @click.command(help=_("One screen: where the space went, and is this set up right. Read-only."))
    @options.common
    @options.opened()
    def command(yard: Yard, *, as_json: bool) -> int:
        examined = _Examined(yard)
        if as_json:
            click.echo(json.dumps(examined.document(), indent=1))
        else:
            say(*examined.lines())
        return 1 if examined.problems else 0

    return command


class _Examined:
    """Everything that was measured, and what is wrong with it."""

    def __init__(self, yard: Yard) -> None:
        self._yard = yard
        self.sizes, self.large = diagnosis.measure(yard.storages())
        disks = [diagnosis.disk(root) for root in yard.roots.values()]
        self.disks = {(disk.total, disk.free): disk for disk in disks if disk}.values()
        self.tables = diagnosis.tables(yard.databases)
        try:
            self.waiting = yard.engine(["media"]).set_aside()
        except UnreachableError:
            self.waiting = {}
        self.health = yard.health()
        self.alerts = health.check(self.health, time.time())
        self.problems = list(self._problems())

    def _problems(self) -> Iterator[tuple[str, str]]:
        """Yield each problem with its remedy."""
        for disk in self.disks:
            yield from _disk_problems(disk)
        for size in self.sizes:
            yield from _place_problems(size)
        for trouble in self._yard.app.trouble:
            yield trouble.message, trouble.hint
        for name, tables in self.tables.items():
            if isinstance(tables, str):
                yield f"{name}: {tables}", _("Check its address, and that it can be reached")
        for alert in self.alerts:
            yield quick_health.describe(alert.code, alert.facts, current()), _("dvornik history; then dvornik run")

    def lines(self) -> Iterator[str]:
        yard = self._yard
        yield _("⚙️ Configuration: {path}").format(path=yard.loaded.source or _("none; found out by itself"))
        yield from text.found(yard.app)
        for disk in self.disks:
            share = 1 - disk.free / disk.total
            yield _("📊 Disk of {root}: {share} used, {free} free of {total}").format(
                root=words.safe(disk.root), share=f"{share:.0%}", free=words.size(disk.free),
                total=words.size(disk.total),
            )  # fmt: skip
        for size in self.sizes:
            yield ngettext(
                "📁 {place}: {files} file, {size}, the oldest of {oldest}",
                "📁 {place}: {files} files, {size}, the oldest of {oldest}",
                size.files,
            ).format(
                place=words.safe(size.place), files=size.files, size=words.size(size.size),
                oldest=words.moment(size.oldest) if size.files else "—",
            )  # fmt: skip
        for large in self.large:
            yield _("🐘 {size}  {path}").format(size=words.size(large.size), path=words.safe(large.path))
        for name, tables in self.tables.items():
            for table in () if isinstance(tables, str) else tables:
                yield _("🗄️ {database}: {table}: {size}, of that reusable {reusable}").format(
                    database=name, table=words.safe(table.table), size=words.size(table.size),
                    reusable=words.size(table.reusable),
                )  # fmt: skip
        for run, (count, weight) in self.waiting.items():
            yield ngettext(
                "♻️ Set aside by {run}: {n} file, {size}", "♻️ Set aside by {run}: {n} files, {size}", count
            ).format(run=run, n=count, size=words.size(weight))
        last = self.health.last_success
        yield _("🕑 Last success: {moment}").format(moment=words.moment(last) if last else _("never"))
        absent = [name for name, active in diagnosis.guards().items() if not active]
        yield _("🛡️ Kernel guards: {state}").format(
            state=_("all active") if not absent else _("missing: {names}").format(names=", ".join(absent))
        )
        if not self.problems:
            yield _("✅ No problem found")
        for problem, remedy in self.problems:
            yield "⚠️ " + problem.removeprefix("⚠️ ").removeprefix("❌ ")
            yield "   " + remedy

    def document(self) -> dict[str, object]:
        return {
            "configuration": str(self._yard.loaded.source or ""),
            "found": msgspec.to_builtins(self._yard.app.found),
            "disks": msgspec.to_builtins(list(self.disks)),
            "places": msgspec.to_builtins(self.sizes),
            "large": msgspec.to_builtins(self.large),
            "databases": msgspec.to_builtins(self.tables),
            "set_aside": self.waiting,
            "last_success": self.health.last_success,
            "guards": diagnosis.guards(),
            "problems": [{"problem": problem, "remedy": remedy} for problem, remedy in self.problems],
        }


def _disk_problems(disk: diagnosis.Disk) -> Iterator[tuple[str, str]]:
    if disk.free < _LOW * disk.total:
        yield (
            _("The disk of {root} is almost full").format(root=words.safe(disk.root)),
            _("dvornik run --aggressive; then look at the largest files"),
        )
    if disk.inodes and disk.inodes_free < _LOW * disk.inodes:
        yield (
            _("The disk of {root} has almost no inodes left").format(root=words.safe(disk.root)),
            _("Many small files: dvornik run temp"),
        )


def _place_problems(size: diagnosis.Size) -> Iterator[tuple[str, str]]:
    remedy = _("Run dvornik as the user of the application")
    if not size.writable:
        yield _("{root} is not writable for this user").format(root=words.safe(size.root)), remedy
    if size.unreadable:
        yield _("{n} entries of {root} cannot be read").format(n=size.unreadable, root=words.safe(size.root)), remedy
