"""Django's registration of the app."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "zoo.core"
    label = "core"
