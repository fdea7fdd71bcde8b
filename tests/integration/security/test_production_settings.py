"""Production settings: Django's own deployment checks find nothing, and what is missing or weak is refused at start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
GOOD = {
    "SECRET_KEY": "k3-Yb9_" * 10,
    "ALLOWED_HOSTS": "zoo.example.org",
    "REDIS_URL": "redis://broker.example.org:6379/0",
}
WEAK: dict[str, dict[str, str]] = {
    "no key": {"SECRET_KEY": ""},
    "a short key": {"SECRET_KEY": "k3-Yb9_"},
    "a key of one letter": {"SECRET_KEY": "a" * 80},
    "no hosts": {"ALLOWED_HOSTS": ""},
    "any host": {"ALLOWED_HOSTS": "zoo.example.org,*"},
    "no broker": {"REDIS_URL": ""},
    "debug pages": {"DEBUG": "true"},
}
TRY = """
import json, os, sys
from django.core.exceptions import ImproperlyConfigured
refused = {}
for name, changes in json.loads(sys.argv[1]).items():
    os.environ.update(json.loads(sys.argv[2]) | {"DEBUG": "false"} | changes)
    for module in [module for module in sys.modules if module.startswith("zoo.settings")]:
        del sys.modules[module]
    try:
        import zoo.settings.prod
    except ImproperlyConfigured as error:
        refused[name] = str(error)
print(json.dumps(refused))
"""


def environment(home: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return kept | GOOD | {"ZOO_HOME": str(home), "PYTHONPATH": str(ROOT)}


def test_the_deployment_checks_find_nothing(tmp_path: Path) -> None:
    words = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    done = subprocess.run(
        [*words, "--settings", "zoo.settings.prod"],
        cwd=ROOT,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no issues" in done.stdout


def test_weak_settings_are_refused_with_what_to_change(tmp_path: Path) -> None:
    words = [sys.executable, "-c", TRY, json.dumps({"good": {}} | WEAK), json.dumps(GOOD)]
    done = subprocess.run(words, cwd=ROOT, env=environment(tmp_path), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    refused = json.loads(done.stdout)
    assert sorted(refused) == sorted(WEAK)
    for name, changes in WEAK.items():
        assert next(iter(changes)) in refused[name]
