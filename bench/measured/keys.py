"""Fills a database with keys at production's Argon2 cost: ``python -m bench.measured.keys``.

Hashing 10,000 keys takes minutes, so keys and hashes are kept in ``var/`` for the next run.
"""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import django

django.setup()

from argon2 import PasswordHasher
from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone

from apikeys.core import keyformat
from apikeys.models import APIKey, Permission
from bench.measured.commands import answer_commands


def hashed_keys(count: int) -> list[tuple[str, str]]:
    """Return ``count`` keys with their hashes."""
    cost = "-".join(str(value) for value in settings.API_KEY_ARGON2.values())
    path = settings.BASE_DIR / "var" / f"bench-keys-{cost}.json"
    known = json.loads(path.read_text()) if path.exists() else []
    raws = [str(keyformat.generate()) for _ in range(count - len(known))]
    with ThreadPoolExecutor(os.cpu_count()) as threads:  # argon2 releases the GIL
        known += zip(raws, threads.map(PasswordHasher(**settings.API_KEY_ARGON2).hash, raws), strict=True)
    if raws:
        path.write_text(json.dumps(known))
    return known[:count]


def issue(count: int, username: str, path: str) -> list[str]:
    """Issue ``count`` keys to a user, write them with their hashes to a file, and return them."""
    owner = User.objects.get(username=username)
    keys = hashed_keys(count)
    APIKey.objects.bulk_create(
        (
            APIKey(
                key_id=keyformat.parse(raw).key_id,
                checksum=raw[-keyformat.CHECKSUM_LENGTH :],
                key_hash=key_hash,
                owner=owner,
                name="In use",
                permissions=Permission.READ,
                created_at=timezone.now(),
            )
            for raw, key_hash in keys
        ),
        batch_size=1000,
    )
    Path(path).write_text(json.dumps(keys))
    return [raw for raw, _ in keys]


if __name__ == "__main__":
    answer_commands({"issue": issue})
