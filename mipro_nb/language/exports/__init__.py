"""A predictor's prompt in forms that other tools read, and as code that needs no mipro_nb."""

from mipro_nb.language.exports.forms import FORMS, exported

__all__ = ["FORMS", "exported"]
