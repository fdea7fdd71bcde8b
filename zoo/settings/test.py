"""For the test suite: of the environment only DATABASE_URL counts, hashing is quick, nothing is throttled."""

import os
import tempfile
from pathlib import Path

_home = tempfile.mkdtemp(prefix="zoo-test-")
os.environ.update({"ZOO_HOME": _home, "ZOO_ARTIFACTS": f"{_home}/artifacts"})
for _name in (
    "REDIS_URL",
    "ZOO_MODELS_DIR",
    "ZOO_DATASETS_DIR",
    "SECRET_KEY",
    "ALLOWED_HOSTS",
    "ZOO_WORKER_TOKEN",
):
    os.environ.pop(_name, None)

from zoo.settings.base import *  # noqa: E402, F403
from zoo.settings.base import DATABASES, REST_FRAMEWORK  # noqa: E402

SECRET_KEY = "only-for-tests"  # noqa: S105
ZOO_PAIR_JOBS = False
ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
REST_FRAMEWORK = {**REST_FRAMEWORK, "DEFAULT_THROTTLE_CLASSES": []}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, not memory: threads and the real processes of the stack tests share it.
    DATABASES["default"]["TEST"] = {"NAME": str(Path(_home) / "test.sqlite3")}
    DATABASES["default"]["OPTIONS"]["init_command"] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
