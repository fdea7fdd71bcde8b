"""Django's registration of the app."""

from django.apps import AppConfig


class RunsConfig(AppConfig):
    name = "zoo.runs"
    label = "runs"
