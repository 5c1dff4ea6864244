"""What a model thinks before it answers, and what it writes after, told from its answer.

Reasoning models mark their thoughts; which marks, depends on the model. A server that knows them
sends thoughts in a field of their own. Any other sends them in the text. The same holds for the
tokens with which a turn ends and the next one begins.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from mipro_nb.language.reading.parts.marks import Place, folded, marks_of_text

# DeepSeek, Qwen and most others; Mistral's Magistral; Kimi; Seed; gpt-oss (harmony), whose
# thoughts end where the channel of the answer begins; OpenThinker.
_NAMED = r"think|thinking|thought|thoughts|seed:think|scratchpad|reflection"
_PAIRS = (
    (rf"<\s*(?:{_NAMED})\s*>", rf"<\s*/\s*(?:{_NAMED})\s*>"),
    (r"\[THINK\]", r"\[/THINK\]"),
    (r"◁think▷", r"◁/think▷"),
    (r"<\|begin_of_thought\|>", r"<\|end_of_thought\|>"),
    (r"<\|START_THINKING\|>", r"<\|END_THINKING\|>"),
    (
        r"(?:<\|start\|>assistant)?<\|channel\|>(?:analysis|commentary)[^<]*<\|message\|>",
        r"<\|end\|>|(?=(?:<\|start\|>assistant)?<\|channel\|>final)",
    ),
)
# What stands around the answer where thoughts have channels.
_AROUND = re.compile(
    r"(?:<\|start\|>assistant)?<\|channel\|>final[^<]*<\|message\|>|<\|(?:end|return)\|>"
    r"|<\|(?:begin|end)_of_solution\|>|<\|(?:START|END)_RESPONSE\|>"
)
# Thoughts only at the start of a reply, and only if no output has that name.
_AT_START = re.compile(
    r"\s*<\s*(analysis|reasoning)\s*>(.*?)<\s*/\s*\1\s*>", re.DOTALL | re.IGNORECASE
)
# DSPy's.
_COMPLETED = r"\[\[[ \t]*##[ \t]*completed[ \t]*##[ \t]*\]\]"
# ChatML and Qwen, Llama, GPT and Phi, Gemma, Mistral, DeepSeek, Command.
_END = (
    r"(?:<\|(?:im_end|eot|eot_id|eom_id|endoftext|end_of_text|end_of_turn|end_of_turn_token|eos)\|>"
    r"|<end_of_turn>|<eos>|</s>|<[\uff5c|]end[\u2581_]of[\u2581_]sentence[\uff5c|]>"
    rf"|{_COMPLETED})"
)
_TURN = (
    r"(?:<\|im_start\|>|<start_of_turn>|<\|start_header_id\|>|<\|begin_of_text\|>|<bos>|<s>"
    r"|<[\uff5c|](?:user|assistant|system|begin[\u2581_]of[\u2581_]sentence)[\uff5c|]>|\[INST\])"
)
# Tokens in a row, and what the next turn begins with.
_ENDED = re.compile(
    rf"({_END})(?:\s*+{_END})*+\s*+(?=({_TURN}|(?:human|user|assistant|system)[ \t]*:)?)",
    re.IGNORECASE,
)
_BEGUN = re.compile(
    r"\s*(?:<\|im_start\|>[ \t]*assistant\b|<start_of_turn>[ \t]*model\b"
    r"|<\|start_header_id\|>[ \t]*assistant[ \t]*<\|end_header_id\|>"
    r"|<[\uff5c|]assistant[\uff5c|]>)[ \t]*\n*",
    re.IGNORECASE,
)
# A turn whose tokens the server has decoded to nothing.
_ROLE = re.compile(r"\s*#*[ \t]*assistant[ \t]*(?:[:\uff1a]|\n)[ \t]*\n*", re.IGNORECASE)
# In a dialogue, the word is part of the text.
_ANOTHER_SPEAKER = re.compile(
    r"^[ \t*#]*(?:user|human|system)[ \t*]*[:\uff1a]", re.IGNORECASE | re.MULTILINE
)
_ANY = re.compile(
    "|".join([opening + "|" + closing.split("|(?=")[0] for opening, closing in _PAIRS])
    + r"|<\s*/?\s*(?:analysis|reasoning)\s*>|"
    + rf"{_AROUND.pattern}|{_END}|{_TURN}|\[\[[ \t]*##",
    re.IGNORECASE,
)
# Where thoughts begin: at the start of a line, or of a value. A mark that a sentence speaks of
# ("put it in <think> tags") stands elsewhere.
_OPENINGS = [
    re.compile(rf"(?:^|(?<=[:\uff1a>]))[ \t]*(?:{opening})", re.IGNORECASE | re.MULTILINE)
    for opening, _ in _PAIRS
]
_CLOSINGS = [re.compile(closing, re.IGNORECASE) for _, closing in _PAIRS]
# A closing mark without an opening one: the server's template wrote that one itself.
_UNOPENED = re.compile(
    r"(?<![`\"'])(?:{})(?![`\"'])".format("|".join(closing for _, closing in _PAIRS[:-1])),
    re.IGNORECASE,
)

_WORD_BEFORE = re.compile(r"\w[ \t]\Z")
_WORD_AFTER = re.compile(r"[ \t]\w")
_OBJECT = re.compile(r"(?:^|(?<=[:\uff1a>]))[ \t]*(?:```\w*\s*)?(\[?\s*\{\s*[\"'])", re.MULTILINE)
_DECODER = json.JSONDecoder(strict=False)
_MOST_OBJECTS = 50


@dataclass(frozen=True)
class ReplyParts:
    """A reply in its parts.

    Attributes
    ----------
    answer
        The text without thoughts, up to the end of the turn.
    thoughts
        What the model thought, empty if it showed nothing of it.
    cut_off
        The reply ends within the thoughts.
    note
        What was left out at the end, a sentence; empty if nothing was.
    """

    answer: str
    thoughts: str = ""
    cut_off: bool = False
    note: str = ""


def told_apart(text: str, names: Iterable[str] | None = None) -> ReplyParts:
    """Return the answer in `text` and the thoughts beside it.

    A mark of thoughts in a string of JSON is part of it. So is one within the value of an output,
    but for thoughts with which the value begins.

    Parameters
    ----------
    text
        A reply.
    names
        The outputs asked for; None if they are not known.

    >>> told_apart("<think>A sum.</think>answer: 42")
    ReplyParts(answer='answer: 42', thoughts='A sum.', cut_off=False, note='')
    """
    if not has_marks(text):
        return ReplyParts(text)
    known = tuple(names or ())
    thoughts: list[str] = []
    cut_off = False
    for opening, closing in zip(_OPENINGS, _CLOSINGS, strict=True):
        while (begin := _opened(opening, text, known)) is not None:
            end = closing.search(text, begin.end())
            thoughts.append(text[begin.end() : end.start() if end else None])
            cut_off = cut_off or end is None
            text = text[: begin.start()] + (text[end.end() :] if end else "")
    if (end_of_thoughts := _end_of_unopened(text, known)) > 0:
        thoughts.append(_UNOPENED.sub("\n\n", text[:end_of_thoughts]))
        text = text[end_of_thoughts:]
    while known and (start := _AT_START.match(text)) and folded(start[1]) not in map(folded, known):
        thoughts.append(start[2])
        text = text[start.end() :]
    answer, note = _turn(_AROUND.sub("", text), {folded(name) for name in known})
    return ReplyParts(answer, "\n\n".join(t.strip() for t in thoughts).strip(), cut_off, note)


def _turn(text: str, names: set[str]) -> tuple[str, str]:
    """Return the first turn in `text`, and a note of what begins or ends it, if anything does."""
    text = _BEGUN.sub("", text, count=1) if _BEGUN.match(text) else text
    said = ""
    role = None if "assistant" in names or _ANOTHER_SPEAKER.search(text) else _ROLE.match(text)
    if role:
        text, said = text[role.end() :], "The word 'assistant' before the answer was left out."
    for ended in _ENDED.finditer(text):
        if folded(ended[1]) in names:
            continue  # an output named "completed"
        if ended[2] is None and ended.end() < len(text):
            continue  # the answer speaks of the token
        before = text[: ended.start()].lower()
        if ended[1] == "</s>" and before.count("<s>") > before.count("</s>"):
            continue  # the end of a text that is struck through
        further = " with the turn that follows it" if ended[2] else ""
        told = f"The token {ended[1]!r} was left out{further}."
        return text[: ended.start()].rstrip(), f"{said} {told}".strip()
    return text, said


def _opened(opening: re.Pattern[str], text: str, names: tuple[str, ...]) -> re.Match[str] | None:
    """Return the first mark that begins thoughts, none that stands within a value."""
    first = opening.search(text)
    if first is None or not text[: first.start()].strip():
        return first
    marks, objects = marks_of_text(text, names), _objects(text)
    for found in opening.finditer(text):
        before = [mark for mark in marks if mark.start < found.start()]
        # Thoughts may begin a value.
        begins_value = not before or not text[before[-1].end : found.start()].strip()
        if begins_value and not _is_within(found.start(), objects):
            return found
    return None


def _end_of_unopened(text: str, names: tuple[str, ...]) -> int:
    """Return where thoughts end whose opening mark the server left out, 0 if there are none."""
    closings = list(_UNOPENED.finditer(text))
    if not closings:
        return 0
    objects, marks = _objects(text), marks_of_text(text, names)
    last_place = {mark.name: mark.start for mark in marks}
    end = 0
    before: list[Place] = []
    for found in closings:
        while marks and marks[0].start < found.start():
            before.append(marks.pop(0))
        if _is_within(found.start(), objects):
            continue
        # A draft of the answer may stand in the thoughts, above the answer.
        is_draft = all(last_place[mark.name] >= found.end() for mark in before)
        begins_marked = bool(before) and not text[end : before[0].start].strip()
        is_spoken_of = _WORD_BEFORE.search(text[: found.start()][-2:]) and _WORD_AFTER.match(
            text, found.end()
        )
        if is_draft or not (begins_marked or is_spoken_of):
            end, before = found.end(), []
    return end


def _objects(text: str) -> list[tuple[int, int]]:
    """Return where JSON objects begin and end in `text`; one that is broken ends with it."""
    spans: list[tuple[int, int]] = []
    place = 0
    for _ in range(_MOST_OBJECTS):
        begin = _OBJECT.search(text, place)
        if begin is None:
            break
        try:
            _, place = _DECODER.raw_decode(text, begin.start(1))
        except (ValueError, RecursionError):
            is_first = text[: begin.start()].rstrip()[-1:] in {"", ">", "]", "\u25b7"}
            place = len(text) if is_first else begin.end()
            if not is_first:
                continue
        spans.append((begin.start(1), place))
    return spans


def _is_within(place: int, spans: list[tuple[int, int]]) -> bool:
    return any(start <= place < end for start, end in spans)


def has_marks(text: str) -> bool:
    """Tell whether `text` holds what `told_apart` might take for a mark of thoughts or turns."""
    return _ANY.search(text) is not None or _ROLE.match(text) is not None


def spelled_out(quoted: str) -> str:
    r"""Return JSON text that holds no mark of thoughts or turns and means the same.

    >>> spelled_out('"<think>"')
    '"\\u003cthink>"'
    """
    return _ANY.sub(lambda mark: f"\\u{ord(mark[0][0]):04x}{mark[0][1:]}", quoted)
