"""``python -m zoo.catalog.data``: checks the data files; prints every problem and exits with 1 if there is one."""

from __future__ import annotations

import sys

from zoo.catalog.data.read import BadData, curated


def main() -> int:
    """Returns the exit code."""
    try:
        data = curated()
    except BadData as error:
        problems = error.data["problems"]
        sys.stderr.write("\n".join(problems if isinstance(problems, list) else [error.message]) + "\n")
        return 1
    attached = sum(1 for score in data.scores if score.name.id)
    sys.stdout.write(
        f"{len(data.entries)} entries, {len(data.scores)} scores ({attached} attached), "
        f"{len(data.disputes)} disputes, {len(data.timeline)} events, {len(data.glossary)} terms\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
