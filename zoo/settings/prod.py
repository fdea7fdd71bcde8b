"""For a server that others reach. Refuses to start on anything that is missing or weak, and says what."""

from django.core.exceptions import ImproperlyConfigured

from zoo.settings.base import *  # noqa: F403
from zoo.settings.base import ENV, STORAGES

_missing = [
    name
    for name, value in {
        "SECRET_KEY": ENV.secret_key,
        "ALLOWED_HOSTS": ENV.allowed_hosts,
        "REDIS_URL": ENV.redis_url,
    }.items()
    if not value
]
if _missing:
    raise ImproperlyConfigured(f"set {', '.join(_missing)} in the environment")
if len(ENV.secret_key) < 50 or len(set(ENV.secret_key)) < 5:
    raise ImproperlyConfigured("SECRET_KEY must have at least 50 characters and not be a repeated pattern")
if "*" in ENV.allowed_hosts:
    raise ImproperlyConfigured("ALLOWED_HOSTS must name the hosts; '*' lets anyone forge links")
if ENV.debug:
    raise ImproperlyConfigured("DEBUG must be off")

STORAGES = {
    **STORAGES,
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
SECURE_SSL_REDIRECT = True
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if ENV.trusted_proxies else None
SECURE_HSTS_SECONDS = 365 * 24 * 3600
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
SESSION_COOKIE_NAME = "__Host-sessionid"
CSRF_COOKIE_SECURE = True
CSRF_COOKIE_NAME = "__Host-csrftoken"
