"""The routes of the pages. Each page group keeps its views in zoo/web/views/."""

from django.conf import settings
from django.urls import path

from zoo.web.views import health, styleguide, theme

app_name = "web"

urlpatterns = [
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("theme/", theme.choose, name="theme"),
]
if settings.DEBUG:
    urlpatterns += [path("styleguide/", styleguide.show, name="styleguide")]
