"""`python -m zoo.licensing.data`: validate every license file; exit 1 names the first that is wrong."""

import sys

from zoo.licensing.data import problems
from zoo.licensing.library import license_files, rule_book


def main() -> int:
    """Read, validate and compile all files; say what was found."""
    if found := problems():
        sys.stderr.write("\n".join(found) + "\n")
        return 1
    files = license_files()
    rules = sum(len(file.rules) for file in files)
    read = sum(file.text.seen == "text" for file in files)
    sys.stdout.write(f"license data {rule_book().version}: {len(files)} texts ({read} read), {rules} rules\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
