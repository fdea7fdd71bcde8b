"""One machine, one person: the defaults of ``zoo up`` and ``make run``. Loopback only; the secret key is made once."""

from zoo.core.secrets import read_or_create
from zoo.settings.base import *  # noqa: F403
from zoo.settings.base import ENV, ZOO_HOME

SECRET_KEY = ENV.secret_key or read_or_create(ZOO_HOME / "secret-key")
ALLOWED_HOSTS = ENV.allowed_hosts or ["127.0.0.1", "localhost", "[::1]"]
WHITENOISE_USE_FINDERS = True
