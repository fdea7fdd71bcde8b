"""Django's registration of the app."""

from django.apps import AppConfig


class UploadsConfig(AppConfig):
    name = "zoo.uploads"
    label = "uploads"
