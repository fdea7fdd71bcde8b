"""Tags and filters of the templates: icons, verdicts, quantities, bars, notices. How they look is in components/.

Load with ``{% load zoo %}``. Each tag says how it is called; the style guide (/styleguide/, debug only) shows them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from importlib import metadata
from typing import Any

from django import template
from django.template.context import Context
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from zoo.web import charts, presenters

register = template.Library()

THEMES = (("system", "system", "Follow the system"), ("light", "sun", "Light"), ("dark", "moon", "Dark"))
THEME_COOKIE = "zoo_theme"

register.filter("percent", presenters.percent)
register.filter("points", presenters.points)
register.filter("decimal", presenters.decimal)
register.filter("signed", presenters.signed)
register.filter("as_stated", presenters.as_stated)
register.filter("probability", presenters.probability)
register.filter("compact", presenters.compact)
register.filter("bytes", presenters.bytes_text)
register.filter("duration", presenters.duration)
register.filter("shown", presenters.shown)


@register.filter
def item(mapping: Mapping[str, object] | None, key: str) -> object:
    """``{{ intervals|item:model.slug }}``: the value of a key, or nothing."""
    return mapping.get(key) if mapping else None


@register.filter
def code_marks(text: str) -> SafeString:
    """Plain text whose parts between backticks are shown as code."""
    parts = text.split("`")
    return format_html_join(
        "",
        "{}",
        ((format_html("<code>{}</code>", part) if odd % 2 else part,) for odd, part in enumerate(parts)),
    )


@register.simple_tag
def term(slug: str, text: str) -> SafeString:
    """``{% term "retention" "Retention" %}``: a word that leads to its explanation in the glossary."""
    return format_html('<a class="term" href="/glossary/#{}">{}</a>', slug, text)


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """``{% icon "check" %}``: a sign from the sprite; with a label it is an image, without it decoration."""
    href = f"{static('zoo/icons.svg')}#{name}"
    if label:
        return format_html('<svg class="icon" role="img" aria-label="{}"><use href="{}"/></svg>', label, href)
    return format_html('<svg class="icon" aria-hidden="true" focusable="false"><use href="{}"/></svg>', href)


@register.simple_tag
def verdict(code: str, label: str = "", size: str = "", href: str = "") -> SafeString:
    """``{% verdict "kept" %}``: a state as icon and word. Any code of presenters.SIGNS; ``size="large"``."""
    sign = presenters.sign(code)
    tag = format_html('a href="{}"', href) if href else "span"
    return format_html(
        '<{} class="verdict tone-{} {}" data-verdict="{}">{}{}</{}>',
        tag,
        sign.tone,
        size,
        code,
        icon(sign.icon),
        label or sign.label,
        "a" if href else "span",
    )


@register.simple_tag
def chip(text: object, key: str = "", href: str = "", sign: str = "") -> SafeString:
    """``{% chip "66M" key="size" href="/models/?..." sign="scale" %}``: a small fact or an active filter."""
    inside = format_html("{}{}{}", icon(sign) if sign else "", f"{key} " if key else "", _strong(text, key))
    if href:
        return format_html('<a class="chip" href="{}">{}</a>', href, inside)
    return format_html('<span class="chip">{}</span>', inside)


def _strong(text: object, key: str) -> SafeString:
    return format_html("<b>{}</b>", text) if key else format_html("{}", text)


@register.simple_tag
def quantity(value: object, style: str = "percent") -> SafeString:
    """``{% quantity row.retention %}``: "94.1% [92.7, 95.3]", or why it is undefined.

    ``style``: percent (of a fraction), points (a difference of fractions), signed (a difference of plain numbers) or
    plain (a number as it is).
    """
    q = presenters.shown(value)
    if q.value is None:
        return format_html('<span class="undefined" title="{}">{}</span>', q.explanation, q.reason)
    write, write_edge = _QUANTITY_STYLES[style]
    if q.low is None or q.high is None:
        return format_html('<span class="quantity">{}</span>', write(q.value))
    return format_html(
        '<span class="quantity">{} <span class="interval">[{}, {}]</span></span>',
        write(q.value),
        write_edge(q.low),
        write_edge(q.high),
    )


def _bare(edge: float) -> str:
    return presenters.percent(edge).rstrip("%")


_QUANTITY_STYLES: dict[str, tuple[Callable[[float | None], str], Callable[[float], str]]] = {
    "percent": (presenters.percent, _bare),
    "points": (presenters.points, presenters.points),
    "signed": (presenters.signed, presenters.signed),
    "plain": (presenters.decimal, presenters.decimal),
}


@register.simple_tag
def interval_bar(value: object, label: str = "") -> SafeString:
    """``{% interval_bar row.retention %}``: a bar with whisker and the teacher's line at 100 %."""
    context = {"bar": charts.bar(value), "label": label}
    return mark_safe(render_to_string("components/bar.svg", context))  # noqa: S308


@register.simple_tag
def score_bar(score: object, chance: float) -> SafeString:
    """``{% score_bar score row.chance %}``: a share from 0 to 1 with its interval and the line of chance."""
    context = {"bar": charts.score_bar(score, chance), "label": ""}
    return mark_safe(render_to_string("components/bar.svg", context))  # noqa: S308


@register.simple_tag
def dot_plot(rows: Sequence[charts.DotRow], title: str, axis: str = "retention") -> SafeString:
    """``{% dot_plot rows title="Retention per task" %}``: rows are charts.DotRow. A table must stand beside it."""
    context = {"plot": charts.dot_plot(rows), "title": title, "axis": axis}
    return mark_safe(render_to_string("components/dot_plot.html", context))  # noqa: S308


@register.simple_tag
def when(moment: datetime | None, relative: bool = True) -> SafeString:
    """``{% when run.finished_at %}``: relative text, the exact time in the title and for machines."""
    if moment is None:
        return format_html('<span class="undefined">{}</span>', "not yet")
    utc = moment.astimezone(timezone.get_default_timezone())
    exact = f"{utc:%Y-%m-%d %H:%M} UTC"
    text = presenters.age(moment, timezone.now()) if relative else exact
    return format_html('<time datetime="{}" title="{}">{}</time>', utc.isoformat(), exact, text)


@register.simple_tag
def copy_button(text: str, label: str = "Copy") -> SafeString:
    """``{% copy_button model.id "Copy the id" %}``: copies the text; shown only where scripts run."""
    return format_html(
        '<button type="button" class="copy only-js" data-copy="{}" title="{}" aria-label="{}">{}</button>',
        text,
        label,
        label,
        icon("copy"),
    )


@register.simple_block_tag
def notice(content: str, tone: str = "info", title: str = "") -> SafeString:
    """``{% notice "warn" title="..." %}...{% endnotice %}``: tone is info, good, warn, bad or unknown."""
    tone = {"success": "good", "error": "bad", "warning": "warn", "debug": "unknown"}.get(tone, tone)
    heading = format_html('<p class="notice-title">{}</p>', title) if title else ""
    return format_html(
        '<div class="notice tone-{}" role="{}">{}<div class="notice-body">{}{}</div></div>',
        tone,
        "alert" if tone == "bad" else "note",
        icon(tone),
        heading,
        content,
    )


@register.simple_block_tag
def table_box(content: str, label: str) -> SafeString:
    """``{% table_box "Retention per task" %}<table class="table">...{% endtable_box %}``: scrolls by itself."""
    return format_html(
        '<div class="table-box" role="region" aria-label="{}" tabindex="0">{}</div>', label, content
    )


@register.simple_block_tag
def empty_state(content: str, title: str) -> SafeString:
    """``{% empty_state "Nothing was evaluated yet" %}<p>Why, and one action.</p>{% endempty_state %}``."""
    return format_html('<div class="empty"><h3>{}</h3>{}</div>', title, content)


@register.simple_tag(takes_context=True)
def sort_header(context: Context, key: str, label: str, unit: str = "", css: str = "num") -> SafeString:
    """``{% sort_header "retention" "Retention" unit="% of teacher" %}``: a th whose link sorts by `ordering`."""
    query = context["request"].GET.copy()
    current = query.get("ordering", context.get("ordering", ""))
    ascending, descending = current == key, current == f"-{key}"
    query["ordering"] = key if descending else f"-{key}"
    query.pop("cursor", None)
    sort = "ascending" if ascending else "descending" if descending else ""
    return format_html(
        '<th scope="col" class="{}"{}><a href="?{}">{}</a>{}</th>',
        css,
        format_html(' aria-sort="{}"', sort) if sort else "",
        query.urlencode(),
        label,
        format_html('<span class="unit">{}</span>', unit) if unit else "",
    )


@register.simple_tag(takes_context=True)
def nav_link(context: Context, href: str, label: str) -> SafeString:
    """An entry of the main navigation, marked when the page lies under it."""
    path = getattr(context.get("request"), "path", "")
    current = ""
    if path == href:
        current = mark_safe(' aria-current="page"')
    elif path.startswith(href):
        current = mark_safe(' aria-current="true"')
    return format_html('<li><a href="{}"{}>{}</a></li>', href, current, label)


@register.simple_tag
def crumbs(*pairs: str) -> SafeString:
    """``{% crumbs "Models" "/models/" model.id "" %}``: labels and addresses in turn; the last has no address."""
    items = [
        format_html('<li><a href="{}">{}</a></li>', href, label)
        if href
        else format_html('<li aria-current="page">{}</li>', label)
        for label, href in zip(pairs[::2], pairs[1::2], strict=True)
    ]
    return format_html(
        '<nav class="crumbs" aria-label="Breadcrumb"><ol>{}</ol></nav>',
        format_html_join("", "{}", ((item,) for item in items)),
    )


def chosen_theme(request: Any) -> str:
    """The scheme that the visitor chose: system, light or dark."""
    value = request.COOKIES.get(THEME_COOKIE, "system") if request else "system"
    return value if value in {name for name, _, _ in THEMES} else "system"


@register.simple_tag(takes_context=True)
def theme_attribute(context: Context) -> SafeString:
    """The attribute of the html element that fixes the scheme; nothing when the system decides."""
    theme = chosen_theme(context.get("request"))
    return mark_safe("") if theme == "system" else format_html(' data-theme="{}"', theme)


@register.simple_tag(takes_context=True)
def theme_buttons(context: Context) -> SafeString:
    """The three buttons of the scheme switch."""
    theme = chosen_theme(context.get("request"))
    return format_html_join(
        "",
        '<button name="theme" value="{}" aria-pressed="{}" title="{}" aria-label="{}">{}</button>',
        ((name, str(name == theme).lower(), label, label, icon(sign)) for name, sign, label in THEMES),
    )


@register.simple_tag
def zoo_version() -> str:
    """The version of the installed package, or "from source"."""
    try:
        return metadata.version("distill-zoo")
    except metadata.PackageNotFoundError:
        return "from source"
