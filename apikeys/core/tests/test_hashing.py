from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from apikeys.core import hashing
from testing.fixtures import CountingHasher

RAW = "wzc_000000000000_" + "s" * 43 + "000000"


def test_a_hash_is_argon2id_with_its_own_salt(hasher):
    first, second = hasher.hash(RAW), hasher.hash(RAW)

    assert first.startswith("$argon2id$v=19$")
    assert first != second
    assert RAW not in first


def test_production_cost_is_at_least_what_owasp_asks(settings):
    cost = settings.API_KEY_ARGON2

    assert cost["memory_cost"] >= 19456
    assert cost["time_cost"] >= 2
    assert hashing.KeyHasher(**cost).hash(RAW).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_argon2_verifies_a_key_once(hasher):
    encoding = hasher.hash(RAW)

    assert all(hasher.verify(encoding, RAW) for _ in range(5))
    assert hasher.verifications == 1


def test_a_wrong_key_is_never_remembered(hasher):
    encoding = hasher.hash(RAW)

    assert not hasher.verify(encoding, RAW + "x")
    assert not hasher.remembers(encoding, RAW + "x")
    assert hasher.verify(encoding, RAW)
    assert not hasher.verify(encoding, RAW + "x")
    assert hasher.verifications == 3


def test_a_verified_key_is_verified_again_once_its_hash_changes(hasher):
    hasher.verify(hasher.hash(RAW), RAW)

    assert not hasher.remembers(hasher.hash(RAW), RAW)


def test_concurrent_first_uses_share_one_argon2(hasher):
    encoding = hasher.hash(RAW)
    together = Barrier(16)

    def use(_):
        together.wait(timeout=30)
        return hasher.verify(encoding, RAW)

    with ThreadPoolExecutor(16) as threads:
        assert all(threads.map(use, range(16)))
    assert hasher.verifications == 1


def test_the_verified_cache_is_bounded(hasher, monkeypatch):
    monkeypatch.setattr(hashing, "VERIFIED_CACHE_SIZE", 2)
    hasher = CountingHasher()
    encodings = [hasher.hash(RAW) for _ in range(3)]

    for encoding in encodings:
        assert hasher.verify(encoding, RAW)

    assert [hasher.remembers(encoding, RAW) for encoding in encodings] == [False, True, True]


def test_the_verified_cache_holds_neither_key_nor_hash(hasher):
    encoding = hasher.hash(RAW)
    hasher.verify(encoding, RAW)

    held = repr(vars(hasher))
    assert RAW not in held
    assert encoding not in held


@pytest.mark.parametrize(
    "encoding",
    ["", "x", "$argon2id$", "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ", "pbkdf2_sha256$1$a$b", "é", "\0"],
)
def test_a_malformed_hash_verifies_nothing(hasher, encoding):
    assert not hasher.verify(encoding, RAW)


def test_a_raised_cost_needs_a_rehash(hasher):
    encoding = hasher.hash(RAW)

    assert not hasher.needs_rehash(encoding)
    assert CountingHasher(time_cost=2).needs_rehash(encoding)


class Shared(dict):
    """A ``SharedCache`` in memory."""

    set = dict.__setitem__


def processes(count):
    return [CountingHasher(cache_key=b"secret") for _ in range(count)]


def test_a_key_that_one_process_has_verified_costs_another_no_argon2():
    (first, second), shared = processes(2), Shared()
    key_hash = first.hash(RAW)

    assert all(process.verify(key_hash, RAW, shared=shared) for process in (first, second, second))
    assert (first.verifications, second.verifications) == (1, 0)


def test_a_changed_hash_is_verified_again_in_every_process():
    (first, second), shared = processes(2), Shared()
    first.verify(first.hash(RAW), RAW, shared=shared)

    assert second.verify(first.hash(RAW), RAW, shared=shared)
    assert second.verifications == 1


def test_a_wrong_key_is_never_shared():
    (hasher,), shared = processes(1), Shared()

    assert not hasher.verify(hasher.hash(RAW), RAW + "x", shared=shared)
    assert not shared


def test_processes_with_different_secrets_share_nothing():
    shared, other = Shared(), CountingHasher(cache_key=b"another")
    (hasher,) = processes(1)
    key_hash = hasher.hash(RAW)
    hasher.verify(key_hash, RAW, shared=shared)

    assert other.verify(key_hash, RAW, shared=shared)
    assert other.verifications == 1


def test_an_attacker_who_controls_the_shared_cache_cannot_pass_a_forged_key():
    (first, second), asked = processes(2), []
    key_hash = first.hash(RAW)
    genuine = Shared()
    first.verify(key_hash, RAW, shared=genuine)
    ((name, proof),) = genuine.items()

    class Hostile(Shared):
        def get(self, asked_for):
            asked.append(asked_for)
            return {0: asked_for, 1: proof, 2: b"", 3: name}[len(asked) - 1]

    hostile = Hostile()
    assert not any(second.verify(key_hash, RAW + "x", shared=hostile) for _ in range(4))
    assert second.verifications == len(asked) == 4


def test_the_shared_cache_sees_neither_key_nor_hash():
    (hasher,), shared = processes(1), Shared()
    key_hash = hasher.hash(RAW)
    hasher.verify(key_hash, RAW, shared=shared)

    assert RAW not in repr(shared)
    assert key_hash not in repr(shared)
    assert all(len(part) == 32 for item in shared.items() for part in item)
