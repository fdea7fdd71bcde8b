"""The ASGI entry point. Progress streams need ASGI; everything else would do without."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "zoo.settings.local")

application = get_asgi_application()
