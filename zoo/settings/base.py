"""Settings that hold everywhere. What differs lives in local (a laptop), dev, test and prod."""

from __future__ import annotations

from typing import Any

import dj_database_url
from csp.constants import NONE, SELF

from zoo.settings import env as environment

ENV = environment.read()
BASE_DIR = environment.CHECKOUT
ZOO_HOME = ENV.home
ZOO_ARTIFACTS = ENV.artifacts
ZOO_MODELS_DIR = ENV.models_dir
ZOO_DATASETS_DIR = ENV.datasets_dir
ZOO_PUBLIC_URL = ENV.public_url
ZOO_SUBMISSIONS_PER_DAY = ENV.submissions_per_day
ZOO_SUBMISSIONS_OPEN = ENV.submissions_open
ZOO_UPLOAD_BYTES = ENV.upload_bytes
ZOO_UPLOAD_DAYS = ENV.upload_days
ZOO_LEASE_SECONDS = ENV.lease_seconds
ZOO_BACKOFF_SECONDS = ENV.backoff_seconds
ZOO_MAX_LOST = ENV.max_lost
ZOO_MAX_ATTEMPTS = ENV.max_attempts
ZOO_WORKER_TOKEN = ENV.worker_token
ZOO_SCRIPTED = ENV.scripted
ZOO_WEBHOOKS_PRIVATE = ENV.webhooks_private
ZOO_DUMPS = ENV.dumps
ZOO_NIGHTLY = ENV.nightly
ZOO_NIGHTLY_SITE = ENV.nightly_site
ZOO_PAIR_JOBS = ENV.pair_jobs
ZOO_TRUSTED_PROXIES = ENV.trusted_proxies

DEBUG = False
SECRET_KEY = ENV.secret_key
ALLOWED_HOSTS: list[str] = ENV.allowed_hosts
CSRF_TRUSTED_ORIGINS: list[str] = ENV.csrf_trusted_origins
ROOT_URLCONF = "zoo.urls"
ASGI_APPLICATION = "zoo.asgi.application"
AUTH_USER_MODEL = "accounts.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "corsheaders",
    "csp",
    "django_htmx",
    "django_prometheus",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "zoo.core",
    "zoo.accounts",
    "zoo.runs",
    "zoo.uploads",
    "zoo.submissions",
    "zoo.comparisons",
    "zoo.publishing",
    "zoo.catalog",
    "zoo.lineage",
    "zoo.licensing",
    "zoo.api",
    "zoo.web",
    "zoo.jobs",
    "zoo.cli",
]

MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "csp.middleware.CSPMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "zoo.web.middleware.ProblemPages",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]


def database(url: str) -> dict[str, Any]:
    """Django's settings for a database address, with what keeps each kind safe and quick.

    SQLite: write-ahead log and immediate transactions, because a deferred transaction that reads and then
    writes fails at once when another one committed in between. No mmap: it amplifies a known WAL bug.
    Postgres: time limits, so that one statement or one idle transaction cannot hold up the others.
    """
    settings: dict[str, Any] = dict(dj_database_url.parse(url, conn_max_age=0))
    if settings["ENGINE"].endswith("sqlite3"):
        settings["OPTIONS"] = {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": (
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA journal_size_limit=67108864;"
                f"PRAGMA wal_autocheckpoint={1000 if ENV.sqlite_autocheckpoint else 0};"
            ),
        }
    else:
        settings["OPTIONS"] = {
            **settings.get("OPTIONS", {}),
            "connect_timeout": 5,
            "options": f"-c statement_timeout={ENV.statement_seconds * 1000} -c lock_timeout=5000 "
            "-c idle_in_transaction_session_timeout=30000",
        }
    return settings


DATABASES = {"default": database(ENV.database_url)}

CACHES: dict[str, dict[str, Any]] = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
if ENV.redis_url:
    CACHES["default"] = {
        "BACKEND": "zoo.core.cache.ForgivingRedisCache",
        "LOCATION": ENV.redis_url,
        "OPTIONS": {"socket_timeout": 0.25, "socket_connect_timeout": 0.25},
    }

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = ZOO_HOME / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 500
FILE_UPLOAD_HANDLERS = ["zoo.web.receiving.OneArchive"]

AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 14 * 24 * 3600
CSRF_FAILURE_VIEW = "zoo.web.views.problems.csrf_failed"
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}
CORS_ALLOW_ALL_ORIGINS = True
CORS_ALLOW_METHODS = ["GET", "HEAD", "OPTIONS"]
CORS_URLS_REGEX = r"^/(api|badges|feeds)/.*$"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["zoo.api.auth.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["zoo.api.auth.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "zoo.api.schema.Described",
    "DEFAULT_THROTTLE_CLASSES": ["zoo.api.throttles.Anonymous", "zoo.api.throttles.ByToken"],
    "DEFAULT_THROTTLE_RATES": {"anonymous": "600/min", "token": "1200/min"},
    "EXCEPTION_HANDLER": "zoo.api.problems.exception_handler",
    "NUM_PROXIES": ENV.trusted_proxies,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Distill Zoo",
    "DESCRIPTION": "What a student kept of its teacher, where it came from, and whether it may be used.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    # Deep links would be links inside of buttons, which keyboards and screen readers cannot use.
    "SWAGGER_UI_SETTINGS": {"deepLinking": False, "defaultModelsExpandDepth": 0},
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "zoo.api.schema.add_problems",
        "zoo.api.schema.with_examples",
    ],
}

CELERY: dict[str, Any] = {
    "broker_url": ENV.redis_url or "memory://",
    "task_default_queue": "zoo",
    "task_ignore_result": True,
    "task_serializer": "json",
    "accept_content": ["json"],
    "timezone": "UTC",
    "task_acks_late": False,
    "task_reject_on_worker_lost": False,
    "worker_prefetch_multiplier": 1,
    "worker_hijack_root_logger": False,
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    # A broken link to the broker must not kill a run that lasts hours; Celery 6 turns this on.
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    "broker_transport_options": {
        "socket_timeout": 5,
        "socket_connect_timeout": 2,
        "health_check_interval": 25,
        "visibility_timeout": 3600,
    },
}

# A proxy in front hands out the ids of requests, so that its log and ours agree; nobody else may.
DJANGO_STRUCTLOG_TRUST_UPSTREAM_REQUEST_ID = ENV.trusted_proxies > 0

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {"()": "zoo.core.logs.formatter", "as_json": ENV.log_json},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "django.server": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
        # The relay looks every second; that it did is no news.
        "celery.app.trace": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
    },
}
