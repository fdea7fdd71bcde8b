"""Lets models in: resolves, fetches, checks and keeps them, in a process of its own (``python -m evaluation.intake``).

The one place with network and HF_TOKEN. Imports no library that loads models; ``evaluation.isolation.start_fetch``
starts it, and ``evaluation.formats.intake`` has the messages.
"""
