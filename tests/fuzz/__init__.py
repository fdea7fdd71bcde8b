"""Fuzzing of the bounded parsers: targets, random changes, and the command that runs them for minutes."""

MAX_LENGTH = 1 << 16
"""Bytes of an input. The parsers' own limits are tried by the bad-input table."""
SLOW_SECONDS = 2.0
MEMORY_BYTES = 2 << 30
