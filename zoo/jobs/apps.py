"""Django's registration of the app."""

from django.apps import AppConfig


class JobsConfig(AppConfig):
    name = "zoo.jobs"
    label = "jobs"
