"""`python -m zoo.licensing.data`: validate every license file; exit 1 names the first that is wrong."""

import sys

from zoo.licensing.library import BadLicenseData, choices_file, license_files
from zoo.licensing.rules.book import RuleBook


def main() -> int:
    """Read, validate and compile all files; say what was found."""
    try:
        files, choices = license_files(), choices_file()
        book = RuleBook.compile(files, choices)
    except (BadLicenseData, KeyError) as error:
        sys.stderr.write(f"license data: {error}\n")
        return 1
    rules = sum(len(file.rules) for file in files)
    read = sum(file.text.seen == "text" for file in files)
    sys.stdout.write(f"license data {book.version}: {len(files)} texts ({read} read), {rules} rules\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
