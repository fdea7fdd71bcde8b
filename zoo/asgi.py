"""The ASGI entry point. Progress streams need ASGI; everything else would do without."""

import gc
import os

from django.core.asgi import get_asgi_application
from django.urls import get_resolver

from zoo.web.bodies import BodyLimit

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "zoo.settings.local")

application = BodyLimit(get_asgi_application())

# All views are loaded before the first request. What is loaded by then stays for good, so the garbage collector
# need not walk it again: without this, every few hundred requests one waits a tenth of a second for it.
_ = get_resolver().url_patterns
gc.collect()
gc.freeze()
