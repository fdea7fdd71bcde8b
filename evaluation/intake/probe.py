"""Tries a chat template or a tokenizer of a stranger, in a process that has seconds and little memory.

A program of its own, started by path: ``probe.py template FILE`` or ``probe.py tokenizer FILE``. It says one word on
stdout. The sandbox stops escapes; the limits that its starter sets stop what only takes time and memory.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NoReturn

CONVERSATION = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Which is larger?"},
    {"role": "assistant", "content": "The second."},
    {"role": "user", "content": "Why?"},
]
TEXTS = (
    "The quick brown fox.",
    "a" * 4096,
    " " * 4096,
    "\t\n" * 2048,
    "1" * 4096,
    "'" * 2048,
    "日本語" * 512,
    "",
)


def try_template(path: Path) -> str:
    """Renders as the transformers library would: "ok", "escape" or "syntax"."""
    import jinja2
    from jinja2.exceptions import SecurityError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def raise_exception(message: str) -> NoReturn:
        raise jinja2.TemplateError(message)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.globals["raise_exception"] = raise_exception
    environment.globals["strftime_now"] = lambda form: "2000-01-01"
    environment.filters["tojson"] = lambda value, **_: str(value)
    try:
        template = environment.from_string(path.read_text(encoding="utf-8", errors="replace"))
    except jinja2.TemplateSyntaxError as error:
        # The library adds a tag for training masks, which a plain environment does not know.
        return "ok" if "generation" in str(error) else "syntax"
    for messages in (CONVERSATION, CONVERSATION[1:], CONVERSATION[1:2]):
        settings: dict[str, Any] = {"bos_token": "<s>", "eos_token": "</s>", "add_generation_prompt": True}
        try:
            template.render(messages=messages, tools=None, documents=None, **settings)
            return "ok"
        except SecurityError:
            return "escape"
        except MemoryError:
            return "memory"
        except Exception:  # noqa: S112 (a template may refuse a conversation; it is tried with the next)
            continue
    return "ok"


def try_tokenizer(path: Path) -> str:
    """Loads ``tokenizer.json`` and encodes a few awkward texts: "ok" or "unusable"."""
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(path))
        for text in TEXTS:
            tokenizer.encode(text)
    except MemoryError:
        return "memory"
    except BaseException:  # A panic of the library's native part is no Exception.
        return "unusable"
    return "ok"


if __name__ == "__main__":
    what = {"template": try_template, "tokenizer": try_tokenizer}[sys.argv[1]]
    sys.stdout.write(what(Path(sys.argv[2])) + "\n")
