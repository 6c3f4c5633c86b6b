"""``python -m dvornik`` is ``dvornik``."""

from dvornik.cli.entry import dvornik

dvornik()
