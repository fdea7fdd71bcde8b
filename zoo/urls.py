"""The map of addresses: composition only. Each interface keeps its own routes."""

from django.contrib import admin
from django.urls import include, path

from zoo.api import metrics
from zoo.web.views.account import admin_sign_in

urlpatterns = [
    path("api/v1/", include("zoo.api.urls")),
    path("", include("zoo.web.urls")),
    *metrics.routes,
    path("admin/login/", admin_sign_in),
    path("admin/", admin.site.urls),
]
handler404 = "zoo.web.views.problems.not_found"
handler403 = "zoo.web.views.problems.forbidden"
handler400 = "zoo.web.views.problems.bad_request"
handler500 = "zoo.web.views.problems.server_error"
