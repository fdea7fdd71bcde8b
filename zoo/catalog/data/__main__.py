"""``python -m zoo.catalog.data``: checks the data files; prints every problem and exits with 1 if there is one."""

from __future__ import annotations

import sys

from zoo.catalog.data.read import curated, problems


def main() -> int:
    """Returns the exit code."""
    if found := problems():
        sys.stderr.write("\n".join(found) + "\n")
        return 1
    data = curated()
    attached = sum(1 for score in data.scores if score.name.id)
    sys.stdout.write(
        f"{len(data.entries)} entries, {len(data.scores)} scores ({attached} attached), "
        f"{len(data.disputes)} disputes, {len(data.timeline)} events, {len(data.glossary)} terms\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
