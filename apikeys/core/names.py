"""What a key may be called, whoever names it: a page, the admin, a command. Pure."""

from __future__ import annotations

import unicodedata

from apikeys.core import keyformat


class InvalidName(ValueError):
    """The name cannot be used; the text says why, to whoever chose it."""


def check(name: str) -> str:
    """Return ``name``; raise ``InvalidName`` unless people can read it and it is no key."""
    categories = {unicodedata.category(character) for character in name}
    if "Cc" in categories:
        raise InvalidName("A name cannot contain control characters such as line breaks.")
    if all(category[0] in "CZ" for category in categories):
        raise InvalidName("Give the key a name that can be seen.")
    if keyformat.redact(name) != name:
        raise InvalidName("This is a key itself. Give it a name instead.")
    return name
