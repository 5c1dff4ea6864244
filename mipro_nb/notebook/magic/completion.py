"""Tab completion of ``%mipro`` lines and of the first line of ``%%mipro`` cells."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import cast

from IPython.core.completer import (
    CompletionContext,
    Matcher,
    SimpleCompletion,
    SimpleMatcherResult,
    context_matcher,
)

from mipro_nb.notebook.magic.grammar import Argument, Option, Verb
from mipro_nb.notebook.magic.objects import Notebook
from mipro_nb.notebook.magic.verbs import CELL, VERBS
from mipro_nb.notebook.magic.words import Offered, split_unfinished

_LINE = re.compile(r"\s*(?:[^%'\"#]*=\s*)?%mipro\s(?P<rest>.*)")
_CELL = re.compile(r"\s*%%mipro\s(?P<rest>.*)")


class Completer:
    """Completes what stands before the cursor; one for each notebook.

    Parameters
    ----------
    notebook
        The notebook whose objects are offered.
    """

    def __init__(self, notebook: Notebook) -> None:
        self._notebook = notebook

    def matcher(self) -> Matcher:
        """Return the function that IPython asks, for its list of custom matchers."""

        @context_matcher(identifier="mipro", priority=1000)  # type: ignore[untyped-decorator]
        def match(context: CompletionContext) -> SimpleMatcherResult:
            return {"completions": self._found(context), "suppress": True, "ordered": True}

        return cast("Matcher", match)

    def _found(self, context: CompletionContext) -> list[SimpleCompletion]:
        """Return what the token at the cursor may become."""
        line = _magic_line(context)
        if line is None:
            return []
        *words, typed = split_unfinished(line["rest"])
        # IPython's token begins at the last of its own delimiters, such as the "=" of --auto=light.
        if not typed.endswith(context.token):
            return []
        begun = len(typed) - len(context.token)
        if line.re is _CELL:
            found = self._behind(CELL, words, typed)
        elif words:
            found = self._behind(VERBS[words[0]], words[1:], typed) if words[0] in VERBS else []
        else:
            found = [name for name in VERBS if name.startswith(typed)]
        return [SimpleCompletion(text[begun:], type=_type_of(text)) for text in found]

    def _behind(self, verb: Verb, words: Sequence[str], typed: str) -> list[str]:
        """Return what `typed` may become behind a verb and further words."""
        options = {option.flag: option for option in verb.options}
        flag, equals, value = typed.partition("=")
        if equals and flag in options:
            return [f"{flag}={found}" for found in self._values(options[flag], value)]
        if words and words[-1] in options and options[words[-1]].kind is not None:
            return self._values(options[words[-1]], typed)
        offered = [flag for flag, option in options.items() if not option.ignored]
        flags = [flag for flag in offered if flag.startswith(typed) and flag not in words]
        if typed.startswith("-"):
            return flags
        argument = _argument_at(verb, words, options)
        found = [] if argument is None else list(argument.kind.complete(self._notebook, typed))
        return found or (flags if not typed else [])

    def _values(self, option: Option, typed: str) -> list[str]:
        return [] if option.kind is None else list(option.kind.complete(self._notebook, typed))


def _magic_line(context: CompletionContext) -> re.Match[str] | None:
    """Return the line of a magic up to the cursor, None if there is none."""
    before = context.text_until_cursor
    if not before.endswith(context.token):
        before = context.line_with_cursor  # ip.complete(text, line) does not tell the cursor
    above = context.full_text.split("\n")[: context.cursor_line]
    if not any(map(str.strip, above)):
        return _LINE.fullmatch(before) or _CELL.fullmatch(before)
    while above and above[-1].endswith("\\"):
        before = above.pop().removesuffix("\\") + before
    return _LINE.fullmatch(before)


def _argument_at(
    verb: Verb, words: Sequence[str], options: Mapping[str, Option]
) -> Argument | None:
    """Return the argument whose place is behind `words`."""
    position = 0
    before = ""
    for word in words:
        is_value = before in options and options[before].kind is not None
        position += not word.startswith("--") and not is_value
        before = word
    if position < len(verb.arguments):
        return verb.arguments[position]
    last = verb.arguments[-1] if verb.arguments else None
    return last if last is not None and last.count in "*+" else None


def _type_of(text: str) -> str:
    """Return what a front end writes beside a completion."""
    if isinstance(text, Offered):
        return text.beside
    if text.startswith("-"):
        return "option"
    return "verb" if text in VERBS else "value"
