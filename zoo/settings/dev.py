"""For those who change the code: like local, with debug pages and the style guide."""

from zoo.settings.local import *  # noqa: F403

DEBUG = True
