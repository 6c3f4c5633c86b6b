"""Serves an application by Python's own server: run by the application's Python as `serve.py MODULE:NAME`.

Prints the port that the system picked.
"""

import importlib
import os
import sys
from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer


class Server(ThreadingMixIn, WSGIServer):
    """A thread a request."""

    daemon_threads = True


class Quiet(WSGIRequestHandler):
    """No line a request."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the base class calls it
        """Say nothing."""


if __name__ == "__main__":
    sys.path[0] = str(Path.cwd())
    module, _, name = sys.argv[1].partition(":")
    server = Server(("127.0.0.1", 0), Quiet)
    os.environ["PORT"] = str(server.server_port)  # for an application that must know its own address
    server.set_app(getattr(importlib.import_module(module), name))
    print(server.server_port, flush=True)  # noqa: T201 - to whoever started it
    server.serve_forever()
