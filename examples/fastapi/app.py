"""Pictures over HTTP: FastAPI, SQLAlchemy, SQLite. Knows nothing of dvornik."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import FileResponse
from sqlalchemy import JSON, String, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

DATA = Path(os.environ.get("EXAMPLE_DATA", Path(__file__).parent / "data"))
MEDIA, PARTS = DATA / "media", DATA / "tmp"
for directory in (MEDIA, PARTS):
    directory.mkdir(parents=True, exist_ok=True)
engine = create_engine(f"sqlite:///{DATA / 'app.db'}")


class Base(DeclarativeBase):
    pass


class Picture(Base):
    __tablename__ = "picture"

    id: Mapped[int] = mapped_column(primary_key=True)
    file: Mapped[str] = mapped_column(String(200))
    meta: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)


Base.metadata.create_all(engine)
app = FastAPI(title="Pictures")


@app.post("/pictures/{name}")
async def upload(name: str, request: Request) -> dict[str, int | str]:
    file = f"{secrets.token_hex(4)}-{Path(name).name}"
    (MEDIA / file).write_bytes(await request.body())
    with Session(engine) as session:
        picture = Picture(file=file, meta={"preview": f"preview-{file}"})
        session.add(picture)
        session.commit()
        (MEDIA / f"preview-{file}").write_bytes(b"small")
        return {"id": picture.id, "file": file}


@app.get("/pictures/{number}")
def download(number: int) -> FileResponse:
    with Session(engine) as session:
        picture = session.scalar(select(Picture).where(Picture.id == number))
    if picture is None:
        raise HTTPException(404)
    return FileResponse(MEDIA / picture.file)


@app.delete("/pictures/{number}")
def delete(number: int) -> None:
    """Forget the row; the files stay behind, as they so often do: dvornik's work."""
    with Session(engine) as session:
        session.delete(session.get_one(Picture, number))
        session.commit()
