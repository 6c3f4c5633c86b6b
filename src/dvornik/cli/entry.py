"""Where both commands start: the health check is answered before anything heavy is imported."""

from __future__ import annotations

import os
import sys

from dvornik import quick_health


def _speak_somewhere() -> None:
    """Open the null device where a standard stream is closed: else the next opened file would take its number."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            stream = open(os.devnull, "r" if name == "stdin" else "w", encoding="utf-8")  # noqa: PTH123, SIM115 - pathlib is dear; it lives on
            setattr(sys, name, stream)


def cleanup(script: str) -> None:
    """Run ``cleanup.py``; it speaks Russian unless told otherwise."""
    _speak_somewhere()
    backend = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(script))))  # noqa: PTH120 - pathlib is dear
    here = os.getcwd()  # noqa: PTH109 - as above
    if here == backend or not os.path.exists(os.path.join(backend, "manage.py")):  # noqa: PTH110, PTH118 - as above
        code = quick_health.main(sys.argv[1:], os.environ, here, "ru")
        if code is not None:
            sys.exit(code)
    from dvornik.cli.cleanup import main

    main(script)


def dvornik() -> None:
    """Run ``dvornik``; it speaks the language of the locale."""
    _speak_somewhere()
    from dvornik.cli.group import main

    main()
