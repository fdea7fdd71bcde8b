"""Django's registration of the app."""

from django.apps import AppConfig


class SubmissionsConfig(AppConfig):
    name = "zoo.submissions"
    label = "submissions"
