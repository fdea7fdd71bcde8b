"""The routes of REST v1. Each area keeps its list beside its views; this file joins them."""

from csp.constants import UNSAFE_INLINE
from csp.decorators import csp_update
from django.urls import path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny

from zoo.api import (
    catalog,
    comparisons,
    imports,
    leaderboard,
    licensing,
    lineage,
    proposals,
    publishing,
    runs,
    status,
    submissions,
    suites,
    uploads,
    webhooks,
    worker,
)
from zoo.api.problems import json_404

app_name = "api"

urlpatterns = [
    path("schema/", SpectacularAPIView.as_view(permission_classes=[AllowAny]), name="schema"),
    path(
        "docs/",
        # Swagger sets style attributes on what it draws; scripts and sheets stay strict.
        csp_update({"style-src-attr": [UNSAFE_INLINE]})(
            SpectacularSwaggerSplitView.as_view(
                url_name="api:schema", permission_classes=[AllowAny], template_name="docs/api.html"
            )
        ),
        name="docs",
    ),
    *leaderboard.routes,
    *submissions.routes,
    *suites.routes,
    *uploads.routes,
    *runs.routes,
    *comparisons.routes,
    *status.routes,
    *worker.routes,
    *publishing.routes,
    *imports.routes,
    *webhooks.routes,
    *catalog.routes,
    *lineage.routes,
    *proposals.routes,
    *licensing.routes,
    re_path(r".*", json_404),
]
