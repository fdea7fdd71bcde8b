"""``{% load history %}``: the recorded changes of an entry in words. The words are in zoo/web/history_words.py."""

from __future__ import annotations

from django import template

from zoo.web import history_words

register = template.Library()

register.filter("action_words", history_words.action_words)
register.filter("kind_words", history_words.kind_words)
register.filter("value_words", history_words.value_words)
