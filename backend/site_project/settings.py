"""Settings of the reference site; everything that differs between installations comes from the environment."""

import os
from typing import Any

from site_project import database_url
from site_project.places import BACKEND, DATA, LOGS, MEDIA, UPLOADS_IN_PROGRESS

BASE_DIR = BACKEND
DEBUG = os.environ.get("DJANGO_DEBUG", "1") == "1"
SECRET_KEY = os.environ.get("SECRET_KEY", "insecure-and-for-development-only" if DEBUG else "")
ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]").split(",")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "dvornik.contrib.django",
    "journal",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "site_project.urls"
WSGI_APPLICATION = "site_project.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "journal.appearance.of_the_site",
            ],
        },
    },
]

DATABASES = {"default": database_url.parse(os.environ.get("DATABASE_URL") or "sqlite:///db.sqlite3", DATA)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SESSION_ENGINE = "django.contrib.sessions.backends.db"

REDIS_URL = os.environ.get("REDIS_URL", "")
CACHES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "journal",
    }
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "journal"},
}

LANGUAGE_CODE = "ru"
TIME_ZONE = "Europe/Moscow"
USE_TZ = True

STATIC_URL = "/static/"
MEDIA_URL = "/media/"
MEDIA_ROOT = str(MEDIA)
FILE_UPLOAD_TEMP_DIR = str(UPLOADS_IN_PROGRESS)
# Photos and recordings go to disk while they arrive; only small forms stay in memory.
FILE_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024

LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "home"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname:<7} {name} {message}", "style": "{"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line"},
        "app": {
            "class": "logging.handlers.TimedRotatingFileHandler",
            "filename": str(LOGS / "app.log"),
            "when": "midnight",
            # The site rotates and forgets: what becomes of the old ones is housekeeping.
            "backupCount": 0,
            "encoding": "utf-8",
            # Opened by the first line, so that reading these settings makes no file.
            "delay": True,
            "formatter": "line",
        },
    },
    "loggers": {
        "django.server": {"handlers": ["console", "app"], "level": "INFO", "propagate": False},
        "journal": {"handlers": ["console", "app"], "level": "INFO", "propagate": False},
    },
    "root": {"handlers": ["console", "app"], "level": "WARNING"},
}
