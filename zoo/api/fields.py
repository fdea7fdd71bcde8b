"""Fields of input serializers whose errors say what to write instead."""

from __future__ import annotations

from typing import Any, NoReturn

from rest_framework import serializers


class Choice(serializers.ChoiceField):
    """One of a few words; an error names them all."""

    def fail(self, key: str, **given: Any) -> NoReturn:
        """Raises DRF's ValidationError."""
        if key != "invalid_choice":
            super().fail(key, **given)
        known = ", ".join(str(value) for value in self.choices)
        word = str(given.get("input", ""))[:80]
        raise serializers.ValidationError(f"There is no choice '{word}'. Known: {known}.", code=key)
