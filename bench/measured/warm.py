"""WizChat's application in a process that has verified all keys, while the file ``BENCH_VERIFIED`` exists.

Verifying 10,000 keys in each of four processes would take a quarter of an hour. A process that starts
without the file has verified no keys, like any new process.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from apikeys.auth.verified_keys import verified_keys
from apikeys.hasher import HASHER
from wizchat.wsgi import application

__all__ = ["application"]

path = Path(os.environ["BENCH_VERIFIED"])
if path.exists():
    for raw, key_hash in json.loads(path.read_text()):
        digest = HASHER._digest(key_hash, raw)
        HASHER._verified[digest] = True
        verified_keys.set(digest[:32], digest[32:])
