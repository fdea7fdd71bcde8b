"""Django's registration of the app."""

from django.apps import AppConfig


class LineageConfig(AppConfig):
    name = "zoo.lineage"
    label = "lineage"
