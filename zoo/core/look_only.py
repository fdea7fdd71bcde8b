"""A part of the admin in which rows are looked at and never touched: their services alone change them."""

from __future__ import annotations

from django.contrib import admin
from django.db import models
from django.http import HttpRequest


class LookOnly(admin.ModelAdmin):  # type: ignore[type-arg]
    """Shows rows and changes none."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False
