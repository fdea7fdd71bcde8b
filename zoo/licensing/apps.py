"""Django's registration of the app."""

from django.apps import AppConfig


class LicensingConfig(AppConfig):
    name = "zoo.licensing"
    label = "licensing"
    verbose_name = "license checks"
