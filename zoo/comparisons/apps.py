"""Django's registration of the app."""

from django.apps import AppConfig


class ComparisonsConfig(AppConfig):
    name = "zoo.comparisons"
    label = "comparisons"
