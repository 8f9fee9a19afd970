from __future__ import annotations

import pytest

from apikeys.core import keyformat, names

# Unicode's Bidi_Control property, written out.
BIDI_CONTROLS = [0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]


@pytest.mark.parametrize("code", BIDI_CONTROLS, ids=hex)
def test_no_name_reorders_the_text_around_it(code):
    with pytest.raises(names.InvalidName, match="direction of text"):
        names.clean(f"Billing {chr(code)}gnp")


@pytest.mark.parametrize("character", "\0\t\n\r\x1b\x7f\x85\u2028\u2029\ud800", ids=ascii)
def test_a_name_is_one_line_without_control_characters(character):
    with pytest.raises(names.InvalidName, match="control characters"):
        names.clean(f"a{character}b")


@pytest.mark.parametrize("name", ["", " ", "\u200b", "x" * 81, str(keyformat.generate())], ids=range(5))
def test_a_name_is_short_and_visible_and_not_a_key(name):
    with pytest.raises(names.InvalidName):
        names.clean(name)


@pytest.mark.parametrize("name", ["Zapier", "x" * 80, "مفتاح", "鍵", "👩‍💻", "<b>"])
def test_any_other_name_is_accepted(name):
    assert names.clean(f" {name} ") == name
