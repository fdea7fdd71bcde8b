"""Django's registration of the app."""

from django.apps import AppConfig


class CliConfig(AppConfig):
    name = "zoo.cli"
    label = "cli"
