"""Prompt formats: how outputs are asked for, shown in demos, and found in a reply."""

from mipro_nb.language.formats.bare import Bare, labels_of
from mipro_nb.language.formats.json_object import JsonObject
from mipro_nb.language.formats.lines import Lines, write_fields
from mipro_nb.language.formats.protocol import Found, PromptFormat
from mipro_nb.language.formats.tags import Tags

FORMATS: dict[str, PromptFormat] = {
    each.name: each for each in (Lines(), Tags(), JsonObject(), Bare())
}
"""All formats by name."""

__all__ = ["FORMATS", "Found", "PromptFormat", "labels_of", "write_fields"]
