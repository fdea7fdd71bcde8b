"""Whether the process lives, and whether it can do its work."""

from __future__ import annotations

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache


class _Schema:
    """Whether the database has this version's tables. Once it has, it is not asked again."""

    _is_there = False

    @classmethod
    def is_there(cls) -> bool:
        """Raises DatabaseError when the database does not answer."""
        if not cls._is_there:
            executor = MigrationExecutor(connection)
            cls._is_there = not executor.migration_plan(executor.loader.graph.leaf_nodes())
        return cls._is_there


@never_cache
def alive(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers."""
    return JsonResponse({"status": "ok"})


@never_cache
def ready(request: HttpRequest) -> JsonResponse:
    """200 when the database answers and has this version's tables, else 503 with the reason.

    Redis is not asked: the zoo works without it, only slower.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        if not _Schema.is_there():
            return JsonResponse({"status": "migrations are missing: run manage.py migrate"}, status=503)
    except DatabaseError:
        return JsonResponse({"status": "database unavailable"}, status=503)
    return JsonResponse({"status": "ok"})
