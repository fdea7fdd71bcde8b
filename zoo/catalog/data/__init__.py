"""The reviewed data that ships with the product: entries, scores, disputes, history and words."""

from zoo.catalog.data.read import BadData, CuratedData, Score, curated, problems, read

__all__ = ["BadData", "CuratedData", "Score", "curated", "problems", "read"]
