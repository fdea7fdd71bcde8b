"""Reading what cards and tags say: SPDX expressions, hub tags, names under `other`, and what nobody knows."""

import pytest

from tests.unit.licensing.support import words


@pytest.mark.parametrize(
    ("statement", "terms"),
    [
        ("mit", (("MIT",),)),
        ("apache-2.0", (("Apache-2.0",),)),
        ("Apache-2.0 OR MIT", (("Apache-2.0",), ("MIT",))),
        ("mit and cc-by-4.0", (("CC-BY-4.0", "MIT"),)),
        ("(MIT OR Apache-2.0) AND CC-BY-NC-4.0", (("Apache-2.0", "CC-BY-NC-4.0"), ("CC-BY-NC-4.0", "MIT"))),
        ("llama3", (("llama-3-community",),)),
        ("llama3.1", (("llama-3.1-community",),)),
        ("gemma", (("gemma-terms",),)),
        ("LicenseRef-scancode-qwen-2024", (("qwen-license-2024",),)),
        ("other (license_name: nvidia-open-model-license)", (("nvidia-open-model",),)),
        ("qwen-license-2024", (("qwen-license-2024",),)),
        ("GPL-2.0-only", (("GPL-2.0-only",),)),
    ],
)
def test_a_statement_names_its_terms(statement: str, terms: tuple[tuple[str, ...], ...]) -> None:
    assert words().terms(statement) == terms


@pytest.mark.parametrize("statement", [None, "", " ", "other", "unknown", "NOASSERTION"])
def test_a_statement_that_says_nothing_names_nothing(statement: str | None) -> None:
    assert words().terms(statement) == ()


def test_the_tag_other_means_what_the_name_beside_it_means() -> None:
    assert words().terms("other", "qwen-research") == (("qwen-research",),)
    assert words().terms("other", "house-license") == (("house-license",),)


@pytest.mark.parametrize(
    "statement",
    [
        "llama",
        "llama-3",
        "llama-3.4-community",
        "cc-by-nc-5.0",
        "gpl",
        "openrail",
        "Apache Public (sort of",
        "a" * 900,
    ],
)
def test_what_is_not_listed_stays_as_written_and_is_never_folded_into_a_neighbor(statement: str) -> None:
    terms = words().terms(statement)
    assert len(terms) == 1
    assert terms[0][0] not in {
        "llama-3-community",
        "llama-3.1-community",
        "CC-BY-NC-4.0",
        "GPL-3.0-only",
        "Apache-2.0",
    }


def test_an_exception_makes_another_license() -> None:
    assert words().terms("GPL-2.0-only WITH Classpath-exception-2.0") != (("GPL-2.0-only",),)


def test_an_expression_that_explodes_is_kept_as_written() -> None:
    bomb = " AND ".join("(MIT OR ISC OR Zlib)" for _ in range(12))
    assert words().terms(bomb) == ((bomb,),)
