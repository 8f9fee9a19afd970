"""The WSGI application that the production server runs."""

from __future__ import annotations

import os

from django.core.cache import close_caches
from django.core.signals import request_finished
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wizchat.settings")

application = get_wsgi_application()

# Django closes all caches after each request, but those that can be configured should stay connected.
request_finished.disconnect(close_caches)
