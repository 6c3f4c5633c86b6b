#!/usr/bin/env python3
"""Clean up this backend: a thin entry over the installed package; README.md beside it is the operator's page."""

import sys
from pathlib import Path

try:
    from dvornik.cli.entry import cleanup
except ModuleNotFoundError as error:
    if error.name is None or error.name.partition(".")[0] != "dvornik":
        raise
    source = Path(__file__).resolve().parents[3]
    russian = english = str(source)
    if not (source / "src" / "dvornik").is_dir():
        russian = "ПУТЬ, где ПУТЬ — репозиторий dvornik или его wheel (make dist)"
        english = "PATH, where PATH is dvornik's repository or its wheel (make dist)"
    sys.stderr.write(
        "❌ Пакет dvornik не установлен в этом окружении Python.\n"
        f"   {sys.executable}\n"
        f"   Активируйте окружение (source venv/bin/activate) или установите пакет: pip install {russian}\n"
        f"   The dvornik package is not installed in this Python environment: activate it, or pip install {english}\n"
    )
    sys.exit(2)

if __name__ == "__main__":
    cleanup(__file__)
