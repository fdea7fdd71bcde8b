"""Django's registration of the app."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "zoo.api"
    label = "api"
