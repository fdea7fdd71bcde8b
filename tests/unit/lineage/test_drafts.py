"""The shape of a draft."""

import pytest

from zoo.lineage.drafts import BadDraft, read


def test_a_draft_keeps_what_was_given() -> None:
    draft = read(
        {
            "id": "acme/tiny",
            "facts": {"parameters": 5, "license": "MIT"},
            "edges": [{"kind": "distilled_from", "parent": "bert", "methods": ["logit"]}],
            "source": "the card",
        }
    )
    assert draft.facts == {"parameters": 5, "license": "MIT"}
    assert draft.edges[0].methods == ("logit",)


@pytest.mark.parametrize(
    ("draft", "where"),
    [
        ("text", "draft"),
        ({}, "source"),
        ({"source": ""}, "source"),
        ({"source": "x", "color": "red"}, "color"),
        ({"source": "x", "id": "no-slash"}, "id"),
        ({"source": "x", "facts": {"parameters": "many"}}, "draft"),
        ({"source": "x", "facts": {"shoe": 5}}, "draft"),
        ({"source": "x", "edges": [{"kind": "cousin_of", "parent": "bert"}]}, "edges.0.kind"),
        ({"source": "x", "edges": [{"kind": "trained_on", "parent": "b", "methods": ["logit"]}]}, "edges.0"),
        (
            {"source": "x", "edges": [{"kind": "trained_on", "parent": "b", "outputs_made": "2024"}]},
            "edges.0",
        ),
        (
            {"source": "x", "edges": [{"kind": "distilled_from", "parent": "b", "outputs_made": "spring"}]},
            "edges.0.outputs_made",
        ),
        ({"source": "x", "source_url": "javascript:alert(1)"}, "source_url"),
        ({"source": "x", "tensors_digest": "abc"}, "tensors_digest"),
        ({"source": "x", "file_digests": ["z" * 64]}, "file_digests.0"),
        ({"source": "x", "edges": [{"kind": "trained_on", "parent": "b"}] * 21}, "edges"),
    ],
)
def test_a_draft_that_does_not_hold_is_refused_with_the_place(draft: object, where: str) -> None:
    with pytest.raises(BadDraft) as caught:
        read(draft)
    assert caught.value.field == where
