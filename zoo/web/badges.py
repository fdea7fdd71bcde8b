"""Badges: two words in a small SVG that a README can show. Text is measured by a table of widths, not by a font."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.utils.html import format_html

NARROW = frozenset("fijlrt .,:;|!'()[]-I1")
WIDE = frozenset("mwMW%@")
COLORS = {"kept": "#1a7f37", "undecided": "#7a5c00", "not_kept": "#b42318", "": "#57606a"}
"""White text on each has a contrast of at least 4.5 : 1."""


class Badge(NamedTuple):
    """What a badge says."""

    label: str
    message: str
    color: str


def retention(comparison: dict[str, Any] | None) -> Badge:
    """The overall retention of a released comparison; "not measured" without one."""
    if comparison is None:
        return Badge("retention", "not measured", COLORS[""])
    overall = comparison["overall"]
    found = overall["retention"]
    if "undefined" in found:
        return Badge("retention", found["undefined"].replace("_", " "), COLORS[""])
    verdict = overall["verdict"] or ""
    low, high = found["ci_low"], found["ci_high"]
    return Badge(
        "retention", f"{found['value']:.0%} [{low:.0%}, {high:.0%}]", COLORS.get(verdict, COLORS[""])
    )


def svg(badge: Badge) -> str:
    """The picture, 20 pixels high, with its words as its name."""
    left, right = _width(badge.label) + 14, _width(badge.message) + 14
    return format_html(
        '<svg xmlns="http://www.w3.org/2000/svg" width="{}" height="20" role="img" aria-label="{}: {}">'
        '<title>{}: {}</title><rect width="{}" height="20" fill="#24292f"/>'
        '<rect x="{}" width="{}" height="20" fill="{}"/>'
        '<g fill="#fff" font-family="Verdana, Geneva, DejaVu Sans, sans-serif" font-size="11">'
        '<text x="7" y="14">{}</text><text x="{}" y="14">{}</text></g></svg>',
        left + right,
        badge.label,
        badge.message,
        badge.label,
        badge.message,
        left,
        left,
        right,
        badge.color,
        badge.label,
        left + 7,
        badge.message,
    )


def _width(text: str) -> int:
    """Pixels of a text at 11 px in Verdana, rounded up."""
    return sum(4 if char in NARROW else 10 if char in WIDE else 7 for char in text)
