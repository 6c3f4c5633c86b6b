#!/usr/bin/env python3
"""Clean up this backend: a thin entry over the installed package; README.md beside it is the operator's page."""

import sys

try:
    from dvornik.cli.entry import cleanup
except ModuleNotFoundError as error:
    if error.name is None or error.name.partition(".")[0] != "dvornik":
        raise
    sys.stderr.write(
        "❌ Пакет dvornik не установлен в этом окружении Python.\n"
        f"   {sys.executable}\n"
        "   Активируйте окружение (source venv/bin/activate) или установите пакет: pip install ПУТЬ,\n"
        "   где ПУТЬ — репозиторий dvornik или его wheel (make dist).\n"
        "   The dvornik package is not installed in this Python environment: activate it, or pip install PATH,\n"
        "   where PATH is dvornik's repository or its wheel (make dist).\n"
    )
    sys.exit(2)

if __name__ == "__main__":
    cleanup(__file__)
