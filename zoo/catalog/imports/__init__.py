"""Models looked at from outside, for the catalog: a folder, a hub's repository, or a card alone.

Reading only, and bounded: the parsers are those of ``evaluation.formats``, and no library that loads models is
imported. What is found is written by ``zoo.lineage.importing`` in one transaction, or not at all.
"""

from zoo.catalog.imports.cards import CardFacts, Claimed, read_facts
from zoo.catalog.imports.describe import Description, FileRow, describe_card, describe_folder

__all__ = [
    "CardFacts",
    "Claimed",
    "Description",
    "FileRow",
    "describe_card",
    "describe_folder",
    "read_facts",
]
