"""Whether what the command line prints of a comparison and what its page shows are the same numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from zoo.web.presenters import decimal, percent

Document = dict[str, Any]


def assert_shown_alike(document: Document, printed: str, page: str) -> None:
    """Retention with intervals, flips, fidelity, efficiency and similarity: in both places, from one document."""
    words = " ".join(printed.split())
    count = 0
    for name, quantity in quantities(document):
        count += 1
        value, low, high = (quantity[edge] for edge in ("value", "ci_low", "ci_high"))
        assert f"{value:.3f}" in words, name
        assert f"{low:.3f}–{high:.3f}" in words, name
        forms = [f'class="quantity">{write(value)} <span' for write in (percent, decimal)]
        assert any(form in page for form in forms), name
    assert count
    _flips(document, words, page)
    ratio = document["efficiency"].get("parameter_share") or document["efficiency"]["parameters_ratio"]
    assert f"size: {ratio:.3f}" in words
    assert percent(ratio) in page
    closest = (document.get("similarity") or {}).get("closest")
    if closest:
        assert f"closest to the teacher's {', '.join(map(str, closest))} (linear CKA)" in words
        table = document["similarity"]["cka_debiased"]
        for row, best in zip(table, closest, strict=True):
            assert f' closest">{decimal(row[best], 2)}</td>' in page


def quantities(document: Document) -> Iterator[tuple[str, Document]]:
    """The quantities with an interval that both places show."""
    rows = [(row["task"], row["retention"]) for row in document["tasks"]]
    rows.append(("overall", document["overall"]["retention"]))
    rows += [(name, document["fidelity"].get(name) or {}) for name in ("top1", "kl", "acceptance")]
    timed = document["efficiency"]
    rows += [
        (name, (timed.get(name) or {}).get("speed_up") or {}) for name in ("latency", "prefill", "decode")
    ]
    return ((name, quantity) for name, quantity in rows if quantity.get("ci_low") is not None)


def _flips(document: Document, words: str, page: str) -> None:
    found = [row for row in document["tasks"] if row.get("flips")]
    lost, gained = (sum(row["flips"][name] for row in found) for name in ("lost", "gained"))
    assert f"flips: {lost + gained} of {sum(row['flips']['n'] for row in found)} samples" in words
    for row in found:
        for outcome in ("lost", "gained"):
            assert f'?task={row["task"]}&amp;outcome={outcome}">{row["flips"][outcome]}</a>' in page
