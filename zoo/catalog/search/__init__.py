"""Finding entries: full text with prefixes and typos, facets with counts, ranges, orderings, keyset pages.

One engine for both databases; what differs between SQLite (FTS5) and Postgres (tsvector, pg_trgm) is in
``backends``. Cost depends on the page and on fixed caps, not on the size of the catalog or on how far one
has paged: ``engine`` says how.
"""

from zoo.catalog.search.counting import Facet, FacetOption, facets
from zoo.catalog.search.engine import Count, Page, identify, page
from zoo.catalog.search.index import contribute, rebuild, refresh
from zoo.catalog.search.query import FACETS, MAX_PAGE_SIZE, ORDERINGS, BadCursor, BadQuery, Query, Range

__all__ = [
    "FACETS",
    "MAX_PAGE_SIZE",
    "ORDERINGS",
    "BadCursor",
    "BadQuery",
    "Count",
    "Facet",
    "FacetOption",
    "Page",
    "Query",
    "Range",
    "contribute",
    "facets",
    "identify",
    "page",
    "rebuild",
    "refresh",
]
