"""The catalog: organizations, models, revisions, reported scores, search and imports."""
