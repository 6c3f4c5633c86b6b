"""Where both commands start: health check and version are answered before anything heavy is imported."""

from __future__ import annotations

import os
import sys

from dvornik import __version__, quick_health, terminal


def _begin() -> None:
    """Make ready what every command needs before anything else: names, then streams."""
    terminal.read_names_as_utf8()
    terminal.open_streams()


def cleanup(script: str) -> None:
    """Run ``cleanup.py``; it speaks Russian unless told otherwise."""
    _begin()
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
    _begin()
    argv, here = sys.argv[1:], os.getcwd()  # noqa: PTH109 - pathlib is dear
    if argv == ["--version"]:
        print(f"dvornik {__version__}")  # noqa: T201 - click is dear
        return
    if argv[:1] == ["health"]:
        asked = [quick_health.FLAG, *argv[1:]]
        code = quick_health.main(asked, os.environ, here, terminal.language_of_locale(os.environ))
        if code is not None:
            sys.exit(code)
    from dvornik.cli.group import main

    main()
