"""Digests that identify content: of a list of files, and of texts that together make a statement. Pure."""

from __future__ import annotations

import hashlib
import json


def of_texts(*texts: str) -> str:
    """SHA-256 (hex) over the texts in order; boundaries count."""
    return hashlib.sha256(json.dumps(texts, ensure_ascii=False).encode()).hexdigest()
