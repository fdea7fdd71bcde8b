"""Texts that cannot be obeyed together: a share-alike duty beside terms that it does not let in."""

from zoo.licensing.rules.book import License

# One-way doors and later-version clauses that the texts themselves open: from -> to.
COMPATIBLE: frozenset[tuple[str, str]] = frozenset(
    {
        ("CC-BY-SA-4.0", "GPL-3.0-only"),
        ("CC-BY-SA-4.0", "GPL-3.0-or-later"),
        ("CC-BY-SA-3.0", "CC-BY-SA-4.0"),
        ("GPL-2.0-or-later", "GPL-3.0-only"),
        ("GPL-2.0-or-later", "GPL-3.0-or-later"),
        ("GPL-2.0-or-later", "GPL-2.0-only"),
        ("GPL-2.0-or-later", "AGPL-3.0-only"),
        ("GPL-2.0-or-later", "AGPL-3.0-or-later"),
        ("GPL-3.0-or-later", "GPL-3.0-only"),
        ("GPL-3.0-only", "AGPL-3.0-only"),
        ("GPL-3.0-or-later", "AGPL-3.0-only"),
        ("GPL-3.0-or-later", "AGPL-3.0-or-later"),
        ("AGPL-3.0-or-later", "AGPL-3.0-only"),
    }
)


def share_alike_conflicts(text: License, others: list[License]) -> str | None:
    """Why the whole cannot carry `text`'s license, or None: another text asks more than notices of a recipient."""
    names = sorted(
        {
            other.file.name
            for other in others
            if other.key != text.key
            and (other.adds_terms or other.copyleft)
            and not _fits(text.key, other.key)
        }
    )
    if not names:
        return None
    return f"{text.file.name} asks that the whole carry its terms, and {', '.join(names)} asks for its own as well."


def _fits(one: str, other: str) -> bool:
    return (one, other) in COMPATIBLE or (other, one) in COMPATIBLE
