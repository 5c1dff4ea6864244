"""What prompt models say around an instruction, and what only looks like it."""

from __future__ import annotations

import pytest

from mipro_nb.errors import ReplyError
from mipro_nb.language.formats import FORMATS
from mipro_nb.language.prompting.reply import read_reply
from mipro_nb.optimizer.phases.proposing.propose import proposal_signature
from mipro_nb.optimizer.phases.proposing.written import UnusableTextError, written_text

TEXT = "Classify the text as spam or ham."
SIGNATURE = proposal_signature(["present_instruction", "tip"])


def proposed(reply, prompt_format="lines"):
    """The instruction that is taken from `reply`, empty if it is asked for again."""
    try:
        text = read_reply(SIGNATURE, reply, prompt_format=prompt_format).values["instruction"]
        return written_text(SIGNATURE, FORMATS[prompt_format].asked(SIGNATURE), text)
    except (ReplyError, UnusableTextError):
        return ""


@pytest.mark.parametrize("prompt_format", ["lines", "value"])
@pytest.mark.parametrize(
    "reply",
    [
        *(
            "Proposed Instruction: {}",
            "Instruction 1: {}",
            "**Instruction #1:** {}",
            "Prompt 1: {}",
        ),
        *("## New Instruction\n\n{}", "**Improved Instruction**\n\n{}", "### Instruction\n{}"),
        *("proposed_instruction: {}", "[[ ## proposed_instruction ## ]]\n{}", "System prompt: {}"),
        *("<new_instruction>{}</new_instruction>", '{{"new_instruction": "{}"}}'),
        'You could use the following instruction: "{}"',
        "I suggest the following instruction:\n\n{}",
        "Based on the tip, here's a new instruction: {}",
        "A better instruction would be:\n\n{}",
        "Let me think. It should be short.\n\n**New instruction:** {}",
        *("Certainly! {}", "✅ {}", "- {}", "> {}", "---\n{}\n---", "instruction: {}\n```"),
        "instruction:\n---\n{}\n---\n\nLet me know what you think!",
        "{}\n\nThis instruction is clear and concise.",
        "instruction: {}\n\n(Note: this instruction is short.)",
        '"{}"\n\nThis works because it is short.',
        '**Instruction:** "{}"\n\n**Rationale:** It is short.',
        "{}\n\nLet me know if you'd like changes!",
        "Instruction 1: {}\nInstruction 2: Say what it is.",
        "Option 1: {}\n\nOption 2: Say what it is.\n\nOption 3: Decide.",
        "**Version 1:** {}\n\n**Version 2:** Say what it is.",
        "instruction: Three options:\n\n1. {}\n2. Say what it is.\n3. Decide.",
    ],
)
def test_of_all_that_is_said_around_it_the_instruction_is_taken(reply, prompt_format):
    assert proposed(reply.format(TEXT), prompt_format) == TEXT


@pytest.mark.parametrize(
    "text",
    [
        "# Task\n\nClassify.\n\n## Rules\n\n1. Read.\n2. Decide.",
        "1. Read the text.\n2. Say spam or ham.",
        "- Read the text.\n- Say spam or ham.",
        "You are given a text. Follow these steps:\n1. Read it.\n2. Decide.",
        "Read the text.\n\nNote: ham is what a friend writes.",
        "Read the text.\n\nThis matters: lives depend on it.",
        "Choose one of these options:\n1. spam\n2. ham",
        'Say "spam".\n\nOr say "ham".',
        "Read it.\n\n---\n\nThen decide.",
        "Say you are sorry if you can't tell.",
        "I am a text; classify me.",
    ],
)
def test_what_belongs_to_an_instruction_stays(text):
    assert proposed(f"instruction: {text}") == text


@pytest.mark.parametrize(
    "reply",
    [
        "I'm sorry, but I can't help with that.",
        "As an AI language model, I cannot do that.",
        "instruction: N/A",
        "instruction: None.",
        "instruction: ...",
    ],
)
def test_a_refusal_and_a_word_for_nothing_are_no_instruction(reply):
    assert proposed(reply) == ""
