from __future__ import annotations

import re
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apikeys.core import keyformat
from apikeys.core.keyformat import ALPHABET, KeyParts, Malformed

# Computed by hand: the CRC-32 of "wzc_" + 12 × "0" + "_" + 43 × "0", in base 62.
KNOWN = "wzc_000000000000_" + "0" * 43
characters = st.sampled_from(ALPHABET)
ids = st.text(characters, min_size=12, max_size=12)
secrets = st.text(characters, min_size=43, max_size=43)


def valid(key_id, secret):
    return str(KeyParts(key_id, secret, keyformat.checksum(f"wzc_{key_id}_{secret}")))


def test_generated_key_has_the_documented_shape():
    raw = str(keyformat.generate())

    assert re.fullmatch(r"wzc_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}", raw)
    assert raw.startswith(f"wzc_{keyformat.parse(raw).key_id}_")


def test_generated_keys_never_repeat():
    keys = [keyformat.generate() for _ in range(1000)]

    assert len({key.key_id for key in keys}) == len({key.secret for key in keys}) == 1000


def test_secret_is_256_bits_of_the_operating_system(monkeypatch):
    asked = []
    monkeypatch.setattr(keyformat.secrets, "randbits", lambda bits: asked.append(bits) or 2**256 - 1)

    secret = keyformat.generate().secret

    assert asked == [256]
    assert (
        sum(ALPHABET.index(digit) * 62**place for place, digit in enumerate(reversed(secret))) == 2**256 - 1
    )


def test_checksum_can_be_recomputed_offline_from_the_documentation_alone():
    number, digits = crc32(KNOWN.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[digit] + digits

    assert keyformat.checksum(KNOWN) == digits
    assert keyformat.checksum("") == "000000"


@given(ids, secrets)
def test_every_key_parses_into_its_parts(key_id, secret):
    raw = valid(key_id, secret)

    assert keyformat.parse(raw)[:2] == (key_id, secret)
    assert str(keyformat.parse(raw)) == raw


@given(ids, secrets, st.integers(0, 65), characters)
def test_one_changed_character_is_always_noticed(key_id, secret, place, character):
    raw = valid(key_id, secret)
    changed = raw[:place] + character + raw[place + 1 :]

    if changed != raw:
        with pytest.raises(Malformed):
            keyformat.parse(changed)


@given(st.text())
def test_no_text_crashes_the_parser(text):
    with pytest.raises(Malformed):
        keyformat.parse(text)


@pytest.mark.parametrize("suffix", ["\n", " ", "\0", "A", "\u0661"])
def test_a_key_with_something_after_it_is_malformed(suffix):
    with pytest.raises(Malformed):
        keyformat.parse(str(keyformat.generate()) + suffix)


@given(ids, secrets, st.text(alphabet=" /?&=\n\"'", max_size=20))
def test_redaction_removes_every_secret_and_keeps_the_id(key_id, secret, around):
    raw = valid(key_id, secret)

    redacted = keyformat.redact(f"{around}{raw} {raw}{around}")

    assert secret not in redacted
    assert redacted == f"{around}wzc_{key_id}_… wzc_{key_id}_…{around}"


@pytest.mark.parametrize(
    "mangle",
    [
        lambda raw: raw[:40],
        str.lower,
        lambda raw: raw.replace("_", "%5F"),
        lambda raw: raw.replace("_", "%255f"),
        lambda raw: raw.replace("_", "%25255F"),
    ],
)
def test_redaction_removes_a_mangled_key_too(mangle):
    mangled = mangle(str(keyformat.generate()))

    assert mangled[20:] not in keyformat.redact(f"?key={mangled}&x=1")
    assert keyformat.redact(f"?key={mangled}&x=1").endswith("_…&x=1")
