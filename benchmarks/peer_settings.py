"""The settings of the load measurement: the service's own, with the plain server's addresses beside them."""

from zoo.settings.local import *  # noqa: F403

ROOT_URLCONF = "benchmarks.catalog_peer"
