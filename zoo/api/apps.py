"""Django's registration of the app."""

import importlib

from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "zoo.api"
    label = "api"

    def ready(self) -> None:
        """Registers what the schema generator finds by subclass."""
        importlib.import_module("zoo.api.schema")
