"""``python -m dvornik``: the command, where its script is not on the path."""

from dvornik.cli.entry import dvornik

if __name__ == "__main__":
    dvornik()
