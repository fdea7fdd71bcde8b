"""A model's license in the words of other formats: an SPDX expression, a tag of the hub."""

from __future__ import annotations

import re

from cyclonedx.spdx import fixup_id

from zoo.licensing.library import rule_book
from zoo.licensing.lineage_source import vocabulary


def spdx_expression(statement: str) -> str:
    """The license as an SPDX expression; what SPDX has no id for is a LicenseRef. Empty when nothing is stated."""
    alternatives = [" AND ".join(map(_spdx_id, keys)) for keys in vocabulary().terms(statement)]
    if len(alternatives) == 1:
        return alternatives[0]
    return " OR ".join(f"({one})" if " AND " in one else one for one in alternatives)


def _spdx_id(key: str) -> str:
    name, _, exception = key.partition(" WITH ")
    if exception:
        return f"{_spdx_id(name)} WITH {exception}"
    text = rule_book().get(name)
    known = (text.file.spdx if text else None) or fixup_id(name)
    if known or name.startswith("LicenseRef-"):
        return known or name
    return "LicenseRef-zoo-" + re.sub(r"[^A-Za-z0-9.-]+", "-", name)


def hub_tag(statement: str) -> str:
    """The hub's tag for a license that is on record; empty where it has none."""
    text = rule_book().get(statement)
    return text.file.hub_tags[0] if text and text.file.hub_tags else ""
