# The reference site with dvornik beside it: the image that docker-compose.yml starts.

FROM python:3.11-slim AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
# The loops in C want a compiler; the image that is kept has none.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends gcc libc6-dev \
 && rm -rf /var/lib/apt/lists/* \
 && python -m venv /app/venv
COPY requirements/site.txt /build/requirements/site.txt
RUN /app/venv/bin/pip install --no-compile --require-hashes -r /build/requirements/site.txt
COPY pyproject.toml setup.py README.md LICENSE /build/
COPY src /build/src
# The drivers, dvornik's extras, and setuptools, which builds it, are pinned above: nothing new is fetched here.
RUN /app/venv/bin/pip install --no-compile --no-deps --no-build-isolation "/build[metrics,mysql,notify,otel,postgresql,redis,terminal,zstd]" \
 && /app/venv/bin/python -m compileall -q -j 0 /app/venv/lib

FROM python:3.11-slim

RUN useradd --system --uid 10001 --home-dir /app --no-create-home --shell /usr/sbin/nologin app
COPY --from=build /app/venv /app/venv
COPY backend /app/backend
# Volumes take owner and mode from the directories of the image; the state is its user's alone.
RUN /app/venv/bin/python -m compileall -q /app/backend \
 && install --directory --owner app --group app /app/backend/media /app/backend/logs /app/backend/tmp \
 && install --directory --owner app --group app --mode 0700 /app/backend/.dvornik

ENV PATH=/app/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    LANG=C.UTF-8 \
    DVORNIK_LANG=ru \
    DJANGO_DEBUG=0
WORKDIR /app/backend
USER app
EXPOSE 8000
CMD ["gunicorn", "site_project.wsgi"]
