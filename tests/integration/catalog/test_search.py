"""One table of searches, run on both databases: once on SQLite with everything, once more on Postgres."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from django.db import transaction
from pytest_django import DjangoAssertNumQueries
from pytest_django.plugin import DjangoDbBlocker

from tests.factories.catalog import make_edge, make_model
from zoo.catalog import search, services
from zoo.catalog.models import FacetValue, Kind, Model, SearchDocument, Status, Term
from zoo.catalog.search import Query, Range
from zoo.catalog.search import engine as engine_module
from zoo.lineage.models import Method

pytestmark = [pytest.mark.django_db, pytest.mark.postgres, pytest.mark.xdist_group("catalog-search")]

DAY = {"2018": 736_695, "2019": 737_060}


@dataclass(frozen=True)
class Case:
    """A query, and the names it must find in this order."""

    found: list[str]
    text: str = ""
    facets: dict[str, tuple[str, ...]] = field(default_factory=dict)
    ranges: dict[str, Range] = field(default_factory=dict)
    ordering: str = "name"


CASES = {
    "everything by name": Case(
        ["bert-base", "distilbert", "llama-3.1-70b", "llama-3.1-8b", "mix-data", "qwen2.5-7b", "tinybert"]
    ),
    "a word": Case(["bert-base"], "bert"),
    "a prefix": Case(["llama-3.1-70b", "llama-3.1-8b"], "lla"),
    "two prefixes": Case(["llama-3.1-70b"], "lla 70"),
    "in any order and case": Case(["llama-3.1-8b"], "8B LLAMA"),
    "a version that runs into the name": Case(["llama-3.1-70b", "llama-3.1-8b"], "llama3.1"),
    "the publisher": Case(["bert-base"], "google"),
    "an alias": Case(["distilbert"], "ernie-of-2019"),
    "the license": Case(["qwen2.5-7b"], "apache qwen"),
    "one letter missing": Case(["distilbert"], "distlbert"),
    "two letters swapped": Case(["qwen2.5-7b"], "qwne"),
    "a wrong letter in a short word": Case(["bert-base"], "bart"),
    "a typo beside a right word": Case(["llama-3.1-8b"], "lama 8b"),
    "accents": Case(["tinybert"], "tïnybért"),
    "nothing like it": Case([], "xylophone"),
    "one word right and one unknown": Case([], "llama xylophone"),
    "signs that mean something to an index": Case(["bert-base"], '"bert* ((^:'),
    "only signs": Case([], '"*&|!'),
    "a family": Case(["bert-base", "distilbert", "tinybert"], facets={"family": ("muppet",)}),
    "alternatives within a facet": Case(
        ["llama-3.1-70b", "llama-3.1-8b", "qwen2.5-7b"], facets={"family": ("llama", "qwen")}
    ),
    "two facets together": Case(["distilbert"], facets={"family": ("muppet",), "method": ("feature",)}),
    "a teacher by id": Case(["distilbert", "tinybert"], facets={"teacher": ("google/bert-base",)}),
    "a teacher by alias": Case(["distilbert", "tinybert"], facets={"teacher": ("BERT",)}),
    "several methods are mixed too": Case(["distilbert"], facets={"method": ("mixed",)}),
    "a role": Case(["bert-base"], facets={"role": ("teacher",)}),
    "a disputed edge makes no student": Case(["distilbert", "tinybert"], facets={"role": ("student",)}),
    "a kind": Case(["mix-data"], facets={"kind": ("dataset",)}),
    "values in any case": Case(["qwen2.5-7b"], facets={"license": ("APACHE-2.0",), "family": ("Qwen",)}),
    "an unknown value": Case([], facets={"family": ("mamba",)}),
    "at least so large": Case(
        ["llama-3.1-70b", "llama-3.1-8b"], ranges={"parameters": Range(8_000_000_000, None)}
    ),
    "between, ends included": Case(
        ["qwen2.5-7b", "llama-3.1-8b"],
        ranges={"parameters": Range(7_600_000_000, 8_000_000_000)},
        ordering="parameters",
    ),
    "a year": Case(["distilbert"], ranges={"released": Range(DAY["2019"], DAY["2019"] + 364)}),
    "text, facet and range": Case(
        ["llama-3.1-8b"], "llama", {"license": ("llama-3.1-community",)}, {"parameters": Range(None, 10**10)}
    ),
    "smallest first, unknown last": Case(
        ["tinybert", "distilbert", "bert-base", "qwen2.5-7b", "llama-3.1-8b", "llama-3.1-70b", "mix-data"],
        ordering="parameters",
    ),
    "largest first, unknown last": Case(
        ["llama-3.1-70b", "llama-3.1-8b", "qwen2.5-7b", "bert-base", "distilbert", "tinybert", "mix-data"],
        ordering="-parameters",
    ),
    "newest first, unknown last": Case(
        ["qwen2.5-7b", "llama-3.1-8b", "distilbert", "bert-base"],
        ordering="-released",
        ranges={"released": Range(1, 10**6)},
    ),
}


@pytest.fixture(scope="module")
def made(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[dict[str, Model]]:
    """Seven entries that differ in everything that can be asked, made once for the module."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield _make()
        transaction.set_rollback(True)


@pytest.fixture(autouse=True)
def entries(made: dict[str, Model]) -> dict[str, Model]:
    """The entries by name."""
    return made


def _make() -> dict[str, Model]:
    bert = make_model(
        "google/bert-base", family="muppet", license="MIT", parameters=110_000_000, released="2018-10"
    )
    services.add_alias(model=bert, alias="bert", acting_user=None, now=bert.created_at)
    distil = make_model(
        "hf/distilbert", family="muppet", license="Apache-2.0", parameters=66_000_000, released="2019-10"
    )
    services.add_alias(model=distil, alias="ernie-of-2019", acting_user=None, now=bert.created_at)
    tiny = make_model("huawei/TinyBERT", family="muppet", parameters=14_500_000)
    eight = make_model(
        "meta/Llama-3.1-8B",
        family="llama",
        license="llama-3.1-community",
        parameters=8_000_000_000,
        released="2024-07-23",
    )
    large = make_model(
        "meta/Llama-3.1-70B", family="llama", license="llama-3.1-community", parameters=7 * 10**10
    )
    qwen = make_model(
        "Qwen/Qwen2.5-7B", family="qwen", license="Apache-2.0", parameters=7_600_000_000, released="2024-09"
    )
    data = make_model("acme/mix-data", kind=Kind.DATASET)
    make_edge(distil, bert, methods=(Method.LOGIT, Method.FEATURE))
    make_edge(tiny, bert, methods=(Method.LOGIT,))
    make_edge(eight, large, status=Status.DISPUTED)
    return {model.name.lower(): model for model in (bert, distil, tiny, eight, large, qwen, data)}


def names(ids: tuple[int, ...]) -> list[str]:
    """The names of these keys, in their order."""
    rows = Model.objects.in_bulk(ids)
    return [rows[pk].name.lower() for pk in ids]


@pytest.mark.parametrize("name", CASES)
def test_a_search_finds_the_right_entries_in_the_right_order(name: str) -> None:
    case = CASES[name]
    page = search.page(Query(case.text, case.facets, case.ranges, case.ordering))
    assert names(page.ids) == case.found
    assert page.count == (len(case.found), True)


@pytest.mark.parametrize("name", CASES)
def test_walking_the_rows_finds_the_same_as_the_index(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second way of the engine: taken where there are many candidates, so here the cap is set to none."""
    monkeypatch.setattr(engine_module, "CAP", 0)
    case = CASES[name]
    assert names(search.page(Query(case.text, case.facets, case.ranges, case.ordering)).ids) == case.found


@pytest.mark.parametrize("name", CASES)
def test_sorting_every_match_finds_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The third way: the walk gives up after a row."""
    monkeypatch.setattr(engine_module, "CAP", 0)
    monkeypatch.setattr(engine_module, "BUDGET", 1)
    case = CASES[name]
    if case.text or case.facets or not case.ranges:
        assert names(search.page(Query(case.text, case.facets, case.ranges, case.ordering)).ids) == case.found


@pytest.mark.parametrize("ordering", search.ORDERINGS)
@pytest.mark.parametrize(("cap", "head"), [(2000, 5000), (0, 5000), (0, 3), (0, 1)])
def test_pages_forward_and_backward_show_every_entry_once(
    ordering: str, cap: int, head: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "CAP", cap)
    monkeypatch.setattr(engine_module, "HEAD", head)
    facets = {"kind": ("model", "dataset")}
    whole = search.page(Query(facets=facets, ordering=ordering, size=100)).ids
    assert len(whole) == 7
    forward, pages, cursor = [], [], ""
    while True:
        page = search.page(Query(facets=facets, ordering=ordering, size=3, cursor=cursor))
        pages.append(page)
        forward += page.ids
        if not page.next:
            break
        cursor = page.next
    assert tuple(forward) == whole
    assert not pages[0].previous
    backward = list(pages[-1].ids)
    cursor = pages[-1].previous
    while cursor:
        page = search.page(Query(facets=facets, ordering=ordering, size=3, cursor=cursor))
        backward = [*page.ids, *backward]
        assert page.next
        cursor = page.previous
    assert tuple(backward) == whole


def test_by_relevance_the_most_prominent_matches_come_first_and_the_rest_by_age(
    entries: dict[str, Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "CAP", 0)
    monkeypatch.setattr(engine_module, "HEAD", 2)
    ranked = SearchDocument.objects.order_by("prominence", "pk").values_list("pk", flat=True)[:2]
    rest = sorted(model.pk for model in entries.values() if model.pk not in ranked)
    everything = {"kind": ("model", "dataset")}
    assert search.page(Query(facets=everything)).ids == (*ranked, *rest)
    small = Query(facets=everything, ranges={"parameters": Range(None, 10**9)})
    expected = [pk for pk in (*ranked, *rest) if (Model.objects.get(pk=pk).parameters or 10**12) <= 10**9]
    assert search.page(small).ids == tuple(expected)


def test_identify_gives_every_key_of_a_query() -> None:
    query = Query(facets={"family": ("muppet",)}, ordering="name", size=1)
    assert names(tuple(search.identify(query))) == ["bert-base", "distilbert", "tinybert"]


def test_an_entry_that_is_asked_for_by_name_comes_first(entries: dict[str, Model]) -> None:
    for _ in range(3):
        make_model(f"acme/llama-3.1-8b-copy-{_}", family="llama")
    assert search.page(Query("meta/llama-3.1-8b")).ids[0] == entries["llama-3.1-8b"].pk
    assert search.page(Query("bert")).ids == (entries["bert-base"].pk,)


def test_a_number_means_itself_a_size_or_a_version_where_many_words_begin_with_it() -> None:
    for number in range(14):
        make_model(f"acme/other-7{number:02d}")
    for name in ("acme/large-7", "acme/small-7B", "acme/next-7.1", "acme/year-7000"):
        make_model(name)
    found = names(search.page(Query("7", ordering="name")).ids)
    assert found == ["large-7", "next-7.1", "qwen2.5-7b", "small-7b"]


def test_words_that_nobody_knows_are_named_with_what_was_searched_instead() -> None:
    assert search.page(Query("distlbert")).mended == (("distlbert", ("distilbert",)),)
    assert search.page(Query("xylophone")).unknown == ("xylophone",)


def _counts(query: Query) -> dict[str, dict[str, int]]:
    return {
        facet.name: {option.value: option.count for option in facet.options} for facet in search.facets(query)
    }


def test_facets_without_a_filter_count_everything() -> None:
    counts = _counts(Query())
    assert counts["kind"] == {"model": 6, "dataset": 1}
    assert counts["family"] == {"muppet": 3, "llama": 2, "qwen": 1}
    assert counts["method"] == {"logit": 2, "feature": 1, "mixed": 1}
    assert counts["teacher"] == {"google/bert-base": 2}
    assert counts["role"] == {"student": 2, "teacher": 1}


def test_facets_under_filters_leave_out_their_own() -> None:
    counts = _counts(Query(facets={"family": ("muppet",), "license": ("Apache-2.0",)}))
    assert counts["family"] == {"muppet": 1, "qwen": 1}
    assert counts["license"] == {"Apache-2.0": 1, "MIT": 1}
    assert counts["kind"] == {"model": 1}


def test_facets_under_text_and_range() -> None:
    counts = _counts(Query("bert", ranges={"parameters": Range(None, 10**9)}))
    assert counts["family"] == {"muppet": 1}
    assert counts["license"] == {"MIT": 1}


def test_counts_above_the_cap_are_lower_bounds_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "CAP", 2)
    page = search.page(Query(facets={"family": ("muppet",)}))
    assert page.count == (2, False)
    (family,) = [
        facet
        for facet in search.facets(Query(facets={"role": ("student", "teacher")}))
        if facet.name == "family"
    ]
    assert not family.exact
    assert [(option.value, option.count) for option in family.options] == [("muppet", 2)]


def test_a_removed_entry_is_found_no_more(entries: dict[str, Model]) -> None:
    gone = entries["mix-data"]
    SearchDocument.objects.filter(model=gone).delete()
    assert search.page(Query(facets={"kind": ("dataset",)})).ids == ()
    assert search.page(Query("mix")).ids == ()


def test_a_rebuild_changes_nothing_that_is_right() -> None:
    def state() -> tuple[object, ...]:
        rows = SearchDocument.objects.order_by("pk").values_list("pk", "words", "facets", "contributed")
        facets = FacetValue.objects.order_by("pk").values_list("facet", "key", "count")
        return [*rows], [*facets], [*Term.objects.order_by("term").values_list("term", "count")]

    before = state()
    assert search.rebuild() == 7
    assert state() == before


def test_two_batches_make_the_same_index_as_one() -> None:
    SearchDocument.objects.all().delete()
    FacetValue.objects.update(count=0)
    Term.objects.update(count=0)
    ids = list(Model.objects.order_by("pk").values_list("pk", flat=True))
    search.refresh(ids[:3])
    search.refresh(ids)
    assert {row.value: row.count for row in FacetValue.objects.filter(facet="family")} == {
        "muppet": 3,
        "llama": 2,
        "qwen": 1,
    }
    assert Term.objects.get(term="llama").count == 2


def test_a_contribution_alone_leaves_the_row_as_making_it_anew_would(entries: dict[str, Model]) -> None:
    keys = [model.pk for model in entries.values()]
    for verdicts in (["allowed", "use-run:conditions"], ["unknown"], []):
        search.contribute({pk: {"verdict": verdicts} for pk in keys})
        rows = list(SearchDocument.objects.order_by("pk").values())
        counts = list(FacetValue.objects.order_by("pk").values())
        search.refresh(keys)
        assert list(SearchDocument.objects.order_by("pk").values()) == rows
        assert list(FacetValue.objects.order_by("pk").values()) == counts
        kept = {row.value: row.count for row in FacetValue.objects.filter(facet="verdict", count__gt=0)}
        assert kept == dict.fromkeys(verdicts, len(keys))
        found = search.page(Query(facets={"verdict": ("allowed",)})).ids
        assert len(found) == (len(keys) if "allowed" in verdicts else 0)


def test_nobody_contributes_to_a_facet_of_the_catalog_itself(entries: dict[str, Model]) -> None:
    with pytest.raises(ValueError, match="family"):
        search.contribute({entries["bert-base"].pk: {"family": ["llama"]}})


@pytest.mark.parametrize("number", [1, 40])
def test_contributing_takes_as_many_queries_for_many_entries_as_for_one(
    number: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    keys = [make_model(f"acme/contributed-{index}").pk for index in range(number)]
    with django_assert_max_num_queries(10):
        search.contribute({pk: {"verdict": ["allowed"]} for pk in keys})
