"""What stands behind ``%mipro`` and ``%%mipro``: verbs, their grammar, completion and help."""
