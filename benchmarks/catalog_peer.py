"""The obvious peer, on the same rows: a plain DRF ModelViewSet with icontains search, a count and an offset.

Everything of the product stays beside it, so that both are asked in one run through the same middleware.
"""

from __future__ import annotations

from typing import Any

from django.urls import include, path
from rest_framework import filters, pagination, permissions, routers, serializers, viewsets

from zoo.catalog.models import Model


class PeerSerializer(serializers.ModelSerializer[Model]):
    """All columns."""

    class Meta:
        model = Model
        fields = "__all__"


class PeerPages(pagination.LimitOffsetPagination):
    """As in DRF's tutorial."""

    default_limit = 25


class PeerViewSet(viewsets.ModelViewSet[Model]):
    """As in DRF's tutorial, with the filters that our list has, spelled the plain way."""

    queryset = Model.objects.order_by("pk")
    serializer_class = PeerSerializer
    pagination_class = PeerPages
    permission_classes = [permissions.AllowAny]
    filter_backends = [filters.SearchFilter, filters.OrderingFilter]
    search_fields = ["name", "title", "key", "family", "license"]
    ordering_fields = ["parameters", "released_on", "name"]

    def get_queryset(self) -> Any:
        """Equality filters by query parameter."""
        rows = super().get_queryset()
        for name in ("family", "license"):
            if value := self.request.query_params.get(name):
                rows = rows.filter(**{name: value})
        return rows


class PeerFacets(viewsets.ViewSet):
    """Counts by GROUP BY, as one would write them first."""

    permission_classes = [permissions.AllowAny]

    def list(self, request: Any) -> Any:
        """The counts of six columns under the filters."""
        from django.db.models import Count
        from rest_framework.response import Response

        rows = Model.objects.all()
        for name in ("family", "license"):
            if value := request.query_params.get(name):
                rows = rows.filter(**{name: value})
        if text := request.query_params.get("search"):
            rows = rows.filter(name__icontains=text)
        columns = ("kind", "family", "license", "availability", "architecture", "organization__slug")
        return Response(
            {
                column: list(rows.order_by().values_list(column).annotate(n=Count("pk")).order_by("-n")[:25])
                for column in columns
            }
        )


router = routers.SimpleRouter()
router.register("models", PeerViewSet, basename="peer")
router.register("facets", PeerFacets, basename="peer-facets")
urlpatterns = [path("peer/", include(router.urls)), path("", include("zoo.urls"))]
