"""Bounded parsers of what models are published in, from headers and configurations to cards and archives.

Pure: no network, no torch, no library that loads models. Shared by intake, which lets models in, and by the
catalog, which records what they say. Everything refused is a FormatError with a stable code.
"""
