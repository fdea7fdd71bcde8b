"""Django's registration of the app."""

from django.apps import AppConfig


class PublishingConfig(AppConfig):
    name = "zoo.publishing"
    label = "publishing"
