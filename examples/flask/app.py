"""Notes with attachments: Flask and SQLite from the standard library. Knows nothing of dvornik."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from flask import Flask, abort, request, send_from_directory
from werkzeug.utils import secure_filename

DATA = Path(os.environ.get("EXAMPLE_DATA", Path(__file__).parent / "data"))
UPLOADS, LOGS = DATA / "uploads", DATA / "logs"
for directory in (UPLOADS, LOGS):
    directory.mkdir(parents=True, exist_ok=True)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS note (id INTEGER PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS login (token TEXT PRIMARY KEY, expires REAL NOT NULL);
"""
HOUR = 3600

app = Flask(__name__)
app.logger.addHandler(logging.FileHandler(LOGS / "app.log"))


def connect() -> closing[sqlite3.Connection]:
    connection = sqlite3.connect(DATA / "app.db", isolation_level=None)
    connection.executescript(_SCHEMA)
    return closing(connection)


@app.post("/notes")
def write() -> dict[str, int | None]:
    """Keep a note in Markdown; its attachments are known by nothing but the links in the text."""
    body = request.form["body"]
    for name, file in request.files.items():
        path = f"{int(time.time())}-{secure_filename(file.filename or name)}"
        file.save(UPLOADS / path)
        body += f"\n![{name}](/uploads/{path})"
    with connect() as db:
        return {"id": db.execute("INSERT INTO note (body) VALUES (?)", (body,)).lastrowid}


@app.get("/notes/<int:number>")
def read(number: int) -> str:
    with connect() as db:
        row = db.execute("SELECT body FROM note WHERE id = ?", (number,)).fetchone()
    if row is None:
        abort(404)
    return str(row[0])


@app.delete("/notes/<int:number>")
def forget(number: int) -> tuple[str, int]:
    """Delete the row; the attachments stay behind: dvornik's work."""
    with connect() as db:
        db.execute("DELETE FROM note WHERE id = ?", (number,))
    return "", 204


@app.post("/login/<token>")
def login(token: str) -> tuple[str, int]:
    with connect() as db:
        db.execute("INSERT OR REPLACE INTO login VALUES (?, ?)", (token, time.time() + HOUR))
    return "", 204


@app.get("/uploads/<path:name>")
def attachment(name: str) -> object:
    return send_from_directory(UPLOADS, name)
