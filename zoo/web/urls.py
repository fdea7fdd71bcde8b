"""The routes of the pages. Each page group keeps its views in zoo/web/views/."""

from django.urls import path

from zoo.web.views import health

app_name = "web"

urlpatterns = [
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
]
