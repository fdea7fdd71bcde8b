"""Statistics on paired samples: what a student kept of its teacher, with intervals, tests and reasons.

Pure: numbers in, frozen dataclasses out. No Django, no model, no file, no clock; randomness comes from a
seed that the caller passes, and the same seed gives the same bytes. Imports numpy and scipy alone.
"""
