"""A toy task for programs of DSPy's: sums, of which a careful instruction gets more right."""

from __future__ import annotations

import random
import re

API_KEY = "key-of-a-test-0815"
_FIELDS = re.compile(r"\[\[ ## (\w+) ## \]\]")


def answer(request):
    """Answer as a model would that reads DSPy's prompts, and ours where proposals are asked for."""
    if "Write an instruction" in request.system or "Repair the instruction" in request.system:
        variant = random.Random("".join(request.texts)).randrange(1000)
        return f"instruction: Count {'carefully' if variant % 2 else 'fast'}. Variant {variant}."
    if "[[ ##" not in request.system:
        wanted = re.findall(r"^(\w+):", request.system.split("form:\n")[-1], re.MULTILINE)
        return f"{wanted[0] if wanted else 'text'}: Questions about sums."
    wanted = request.last_user.rpartition("Respond with the corresponding output fields")[2]
    values = {name: value(name, request) for name in dict.fromkeys(_FIELDS.findall(wanted))}
    return write({name: said for name, said in values.items() if name != "completed"})


def write(values):
    """Return a reply in the form of DSPy's ChatAdapter."""
    parts = [f"[[ ## {name} ## ]]\n{said}" for name, said in values.items()]
    return "\n\n".join([*parts, "[[ ## completed ## ]]"])


def value(name, request):
    """Return what the model says for one output."""
    if name == "answer":
        number = int(re.findall(r"How much is (\d+) \+ 1", request.last_user)[-1])
        skill = 0.4 + 0.5 * ("carefully" in request.system)
        known = random.Random(number).random() < skill
        return str(number + 1 if known else 0)
    if name == "next_tool_name":
        return "finish" if "observation_0" in request.last_user else "look_up"
    if name == "next_tool_args":
        return "{}" if "observation_0" in request.last_user else '{"what": "sums"}'
    if name == "is_right":
        return "True"
    return "One more than the number."
