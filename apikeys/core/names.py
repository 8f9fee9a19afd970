"""The rules for a key's name, on pages, in the admin and in commands. Pure."""

from __future__ import annotations

import unicodedata

from apikeys.core import keyformat

MAX_LENGTH = 80
"""Characters in a name."""
EMPTY = "Give the key a name."
TOO_LONG = "A name can have at most %(limit_value)d characters; this one has %(show_value)d."
"""With the placeholders of Django's form fields, which check these two themselves."""

_BIDI_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""They would reorder the text around a name (Unicode Standard Annex 9)."""


class InvalidName(ValueError):
    """The name isn't allowed; the message says why, for the user who chose it."""


def clean(name: str) -> str:
    """Return ``name`` without surrounding whitespace; raise ``InvalidName`` if it isn't allowed."""
    name = name.strip()
    categories = {unicodedata.category(character) for character in name}
    if not name:
        raise InvalidName(EMPTY)
    if len(name) > MAX_LENGTH:
        raise InvalidName(TOO_LONG % {"limit_value": MAX_LENGTH, "show_value": len(name)})
    if categories & {"Cc", "Cs", "Zl", "Zp"}:
        raise InvalidName("A name can't contain control characters such as line breaks.")
    if _BIDI_CONTROLS.intersection(name):
        raise InvalidName("A name can't contain characters that change the direction of text.")
    if all(category[0] in "CZ" for category in categories):
        raise InvalidName("Give the key a name with visible characters.")
    if keyformat.redact(name) != name:
        raise InvalidName("This looks like an API key. Enter a name instead.")
    return name
