"""Query parameters, checked: an unknown or malformed one is a 400, never ignored."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request


class QuerySerializer(serializers.Serializer[Any]):
    """Base of the serializers that describe a list's query parameters; pages add cursor and page_size."""

    @classmethod
    def read(cls, request: Request) -> dict[str, Any]:
        """The validated parameters. Raises DRF's ValidationError naming what is unknown or wrong."""
        serializer = cls(data=request.query_params)
        unknown = sorted(set(request.query_params) - set(serializer.fields))
        if unknown:
            known = ", ".join(sorted(serializer.fields))
            raise serializers.ValidationError(
                {name: [f"There is no such parameter. Known: {known}."] for name in unknown}
            )
        serializer.is_valid(raise_exception=True)
        validated: dict[str, Any] = serializer.validated_data
        return validated
