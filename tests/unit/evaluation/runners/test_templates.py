"""Templates: the harness's output, from a sandbox."""

import jinja2
import pytest

from evaluation.runners.templates import make_renderer

ATTACKS = [
    "{{ cycler.__init__.__globals__.os.getpid() }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ self._TemplateReference__context }}",
    "{{ question.__class__ }}",
]


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("Question: {{question}}\nAnswer:", "Question: why?\nAnswer:"),
        ("{{[good, bad]}}", "['a', 'b']"),
        ("{{choices.label.index(key)}}", "1"),
        ("{{choices.text|join(', ')}}\n", "x, y\n"),
        ("{% if key == 'B' %}yes{% else %}no{% endif %}", "yes"),
    ],
)
def test_templates_render_as_the_harness_renders_them(template: str, expected: str) -> None:
    doc = {
        "question": "why?",
        "good": "a",
        "bad": "b",
        "key": "B",
        "choices": {"label": ["A", "B"], "text": ["x", "y"]},
    }
    assert make_renderer({})(template, doc) == expected


@pytest.mark.parametrize("attack", ATTACKS)
def test_templates_do_not_reach_python(attack: str) -> None:
    with pytest.raises((jinja2.exceptions.SecurityError, jinja2.exceptions.UndefinedError)):
        make_renderer({})(attack, {"question": "why?"})


def test_a_missing_column_is_an_error() -> None:
    with pytest.raises(jinja2.exceptions.UndefinedError):
        make_renderer({})("{{ nothing }}", {})


def test_filters_of_the_harness_are_kept() -> None:
    assert make_renderer({"shout": str.upper})("{{ 'a'|shout }}", {}) == "A"
