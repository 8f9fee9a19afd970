"""Pin every base image to the digest that its tag has now: ``python -m scripts.images``.

A tag can be moved to another image; a digest is the hash of one image. skopeo gets it from the registry,
for all platforms, without a container engine and without downloading the image.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILES = ("Containerfile", "compose.yaml")
IMAGE = re.compile(r"\b(docker\.io/[a-z0-9./-]+:[\w.-]+)(@sha256:[0-9a-f]{64})?")
MISSING = "The digests of base images stay as they are: this needs skopeo (apt-get install skopeo)."


def pin(text: str, digests: dict[str, str]) -> str:
    """Return ``text`` with the digest of each image after its tag."""
    return IMAGE.sub(lambda match: f"{match[1]}@{digests[match[1]]}", text)


def digest(image: str) -> str:
    """Return the digest of ``image`` in the registry; exit if the registry has none."""
    command = ["skopeo", "inspect", "--raw", f"docker://{image}"]
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603  # our own words
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip()
        sys.exit(f"The digests of base images stay as they are: {image} can't be looked up.\n{reason}")
    return f"sha256:{hashlib.sha256(done.stdout).hexdigest()}"


def main(root: Path = ROOT) -> None:
    if not shutil.which("skopeo"):
        sys.exit(MISSING)
    texts = {root / name: (root / name).read_text() for name in FILES}
    images = {match[1] for text in texts.values() for match in IMAGE.finditer(text)}
    digests = {image: digest(image) for image in sorted(images)}
    for path, text in texts.items():
        path.write_text(pin(text, digests))
    for image, found in digests.items():
        print(f"{image}@{found}")


if __name__ == "__main__":
    main()
