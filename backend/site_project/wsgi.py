"""The entry point of a WSGI server."""

import os

from django.core.wsgi import get_wsgi_application

from site_project.places import make_places

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_project.settings")
make_places()
application = get_wsgi_application()
