"""Name duties: does a proposed model name begin as a text asks?"""

import re

SEPARATORS = re.compile(r"[\s_\-]+")


def begins_with(name: str, prefix: str) -> bool:
    """Compare without case, organization and the kind of separator: `acme/Llama-3-Foo` begins with `Llama 3`."""
    return _plain(name.rpartition("/")[2]).startswith(_plain(prefix))


def clash(prefixes: list[str]) -> bool:
    """Whether no single name can begin with all of these."""
    longest = max(prefixes, key=len, default="")
    return any(not begins_with(longest, prefix) for prefix in prefixes)


def _plain(text: str) -> str:
    return SEPARATORS.sub(" ", text).strip().lower()
