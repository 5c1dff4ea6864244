"""Prompt formats: how outputs are asked for, shown in demos, and found in a reply."""

from mipro_nb.language.formats.bare import labels_of
from mipro_nb.language.formats.known import (
    AUTO,
    FORMATS,
    check_choice,
    check_fits,
    check_format,
    is_known,
    register_prompt_format,
    registered_formats,
    unknown_remedy,
)
from mipro_nb.language.formats.lines import write_fields
from mipro_nb.language.formats.models import known_format
from mipro_nb.language.formats.protocol import Found, PromptFormat

__all__ = [
    "AUTO",
    "FORMATS",
    "Found",
    "PromptFormat",
    "check_choice",
    "check_fits",
    "check_format",
    "is_known",
    "known_format",
    "labels_of",
    "register_prompt_format",
    "registered_formats",
    "unknown_remedy",
    "write_fields",
]
