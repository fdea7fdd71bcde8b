"""License texts as reviewed data: one YAML file per text, and the reading choices. No code but the validator."""


def problems() -> list[str]:
    """What is wrong with the files, as sentences that name file and place; empty when all is well."""
    from zoo.licensing.library import BadLicenseData, choices_file, license_files
    from zoo.licensing.rules.book import RuleBook

    try:
        RuleBook.compile(license_files(), choices_file())
    except (BadLicenseData, KeyError) as error:
        return [f"license data: {error}"]
    return []
