"""Serves an application by Python's own server: run by the application's Python as `serve.py MODULE:NAME`.

Prints the port that the system picked.
"""

import importlib
import sys
from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server


class Server(ThreadingMixIn, WSGIServer):
    """A thread a request."""

    daemon_threads = True


class Quiet(WSGIRequestHandler):
    """No line a request."""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    sys.path[0] = str(Path.cwd())
    module, _, name = sys.argv[1].partition(":")
    server = make_server("127.0.0.1", 0, getattr(importlib.import_module(module), name), Server, Quiet)
    print(server.server_port, flush=True)
    server.serve_forever()
