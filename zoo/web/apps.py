"""Django's registration of the app."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "zoo.web"
    label = "web"
