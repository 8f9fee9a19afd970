"""The storage to which ``collectstatic`` copies style sheets and scripts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from whitenoise.storage import CompressedStaticFilesStorage


class CompressedFiles(CompressedStaticFilesStorage):  # type: ignore[misc]  # whitenoise ships no types
    """Compresses only files that have changed: a server may be sending the others."""

    def post_process(self, paths: dict[str, Any], dry_run: bool = False, **options: Any) -> Iterator[Any]:
        changed = {name: source for name, source in paths.items() if self._has_changed(name)}
        yield from super().post_process(changed, dry_run, **options)

    def _has_changed(self, name: str) -> bool:
        file = Path(self.path(name))
        compressed = file.with_name(f"{file.name}.gz")
        return not compressed.exists() or compressed.stat().st_mtime < file.stat().st_mtime
