"""How much of a request has arrived. Pure.

Gunicorn parses requests; this only decides when a thread may have one. Where the two disagree, the
sender gets an error or no answer, and nobody else notices: a thread never reads from the network.
"""

from __future__ import annotations

import re

LINE_BYTES = 8190
"""The longest request line."""

HEAD_BYTES = 160 * 1024
"""The request line and all headers together: room for one header of 128 KiB."""

BODY_BYTES = 320 * 1024
"""The longest body as it is sent. No view takes more than 256 KiB; the rest is for the sizes of chunks."""

_FRAMING = re.compile(rb"\r\n(content-length|transfer-encoding|expect):[ \t]*([^\r\n]*)", re.IGNORECASE)
_BARE_LF = re.compile(rb"(?<!\r)\n")
_CHUNK_SIZE = re.compile(rb"[0-9a-fA-F]{1,16}")
_CHUNK_LINE_BYTES = 1024


class Arrival:
    """The bytes of one request, and of what the client sent after it."""

    def __init__(self, data: bytes = b"") -> None:
        self.data = bytearray(data)
        self.head_is_too_large = False
        self.is_cut = False  # the body isn't there, and a body of that size won't be taken in
        self.awaits_continue = False  # the client asked whether it should send the body
        self._searched = 0
        self._body_at = 0
        self._body_bytes = 0
        self._chunk_at = 0
        self._coding_is_odd = False

    def is_ready(self) -> bool:
        """Return whether a thread can answer now: the request is whole, or more than is taken in."""
        if not self._body_at and not self._find_head():
            return self._is_broken()
        if self._body_at > HEAD_BYTES:
            self.head_is_too_large = True
            return True
        if self._body_is_whole():
            return True
        least = max(self._body_at + self._body_bytes, self._chunk_at, len(self.data))
        self.is_cut = least - self._body_at > BODY_BYTES
        return self.is_cut

    def take(self, size: int) -> bytes:
        """Remove the first ``size`` bytes, or as many as there are, and return them."""
        taken = bytes(self.data[:size])
        del self.data[:size]
        return taken

    def _find_head(self) -> bool:
        end = self.data.find(b"\r\n\r\n", max(0, self._searched - 3))
        if end < 0:
            return False
        self._body_at = end + 4
        for name, value in _FRAMING.findall(self.data, 0, self._body_at):
            match name.lower():
                case b"content-length":
                    self._body_bytes = _number(value.strip(b" \t"))
                case b"transfer-encoding":
                    self._chunk_at = self._body_at
                    self._coding_is_odd |= value.rpartition(b",")[2].strip(b" \t").lower() != b"chunked"
                case _:
                    self.awaits_continue = value.strip(b" \t").lower() == b"100-continue"
        return True

    def _is_broken(self) -> bool:
        """Return whether gunicorn can refuse the unfinished head already."""
        if _BARE_LF.search(self.data, max(0, self._searched - 1)):
            return True
        self._searched = len(self.data)
        if self._searched > LINE_BYTES + 2 and self.data.find(b"\r\n", 0, LINE_BYTES + 2) < 0:
            return True
        self.head_is_too_large = self._searched > HEAD_BYTES
        return self.head_is_too_large

    def _body_is_whole(self) -> bool:
        if self._coding_is_odd:
            return True  # gunicorn refuses it
        if self._chunk_at:
            return self._last_chunk_is_there()
        return self._body_bytes <= min(BODY_BYTES, len(self.data) - self._body_at)

    def _last_chunk_is_there(self) -> bool:
        """Step from chunk to chunk, each of them once."""
        while (line_end := self.data.find(b"\r\n", self._chunk_at, self._chunk_at + _CHUNK_LINE_BYTES)) >= 0:
            size = bytes(self.data[self._chunk_at : line_end]).partition(b";")[0].rstrip(b" \t")
            if not _CHUNK_SIZE.fullmatch(size):
                return True  # gunicorn refuses it
            if not int(size, 16):
                # Trailers may follow; an empty line ends them.
                return self.data.find(b"\r\n\r\n", line_end) >= 0
            self._chunk_at = line_end + 2 + int(size, 16) + 2
        return len(self.data) > self._chunk_at + _CHUNK_LINE_BYTES


def _number(digits: bytes) -> int:
    """Return what a Content-Length says. Gunicorn refuses what isn't a number; nobody needs its body."""
    return int(digits[:18]) if digits[:18].isdigit() else 0
