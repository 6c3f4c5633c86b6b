#!/usr/bin/env python
"""The command line of the reference site."""

import os
import sys


def main() -> None:
    """Make the site's directories where they are missing, then do what the arguments say."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_project.settings")
    from django.core.management import execute_from_command_line  # noqa: PLC0415 - after the settings are named

    from site_project.places import make_places  # noqa: PLC0415 - it reads the environment

    make_places()
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
