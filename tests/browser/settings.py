"""The settings of the zoo that a browser visits: those of one machine, and pages that are hard to reach."""

from zoo.settings.local import *  # noqa: F403

ROOT_URLCONF = "tests.browser.urls"
