"""The shipped demonstration models: a small teacher, what was distilled from it, and the recipe that did so.

Importing this package loads neither torch nor transformers; only `recipe` and what it calls do.
"""
