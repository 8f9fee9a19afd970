"""Tracks how much of a request has arrived. Pure.

Gunicorn parses requests; this only decides when a thread may have one. If the two disagree, the sender
gets an error or no response, but no other client is affected: a thread never reads from the network.
"""

from __future__ import annotations

import re

LINE_BYTES = 8190
"""Most bytes in a request line."""

HEAD_BYTES = 160 * 1024
"""Most bytes in the request line and all headers together: room for one header of 128 KiB."""

BODY_BYTES = 320 * 1024
"""Most bytes in a body as sent. No view takes more than 256 KiB; the rest is for chunk sizes."""

_FRAMING = re.compile(rb"\r\n(content-length|transfer-encoding|expect):[ \t]*([^\r\n]*)", re.IGNORECASE)
_BARE_LF = re.compile(rb"(?<!\r)\n")
_CHUNK_SIZE = re.compile(rb"[0-9a-fA-F]{1,16}")
_CHUNK_LINE_BYTES = 1024


class Arrival:
    """The bytes of one request, and any that the client has sent after it."""

    def __init__(self, data: bytes = b"") -> None:
        self.data = bytearray(data)
        self.head_is_too_large = False
        self.is_cut = False  # the body is too large to receive
        self.awaits_continue = False  # the client sent Expect: 100-continue
        self._searched = 0
        self._body_at = 0
        self._body_bytes = 0
        self._chunk_at = 0
        self._has_unknown_coding = False

    def is_ready(self) -> bool:
        """Return whether a thread can answer now: the request is complete, or too large to receive."""
        if not self._body_at and not self._find_head():
            return self._is_broken()
        if self._body_at > HEAD_BYTES:
            self.head_is_too_large = True
            return True
        if self._is_body_complete():
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
                    self._has_unknown_coding |= value.rpartition(b",")[2].strip(b" \t").lower() != b"chunked"
                case _:
                    self.awaits_continue = value.strip(b" \t").lower() == b"100-continue"
        return True

    def _is_broken(self) -> bool:
        """Return whether gunicorn can already refuse the unfinished head."""
        if _BARE_LF.search(self.data, max(0, self._searched - 1)):
            return True
        self._searched = len(self.data)
        if self._searched > LINE_BYTES + 2 and self.data.find(b"\r\n", 0, LINE_BYTES + 2) < 0:
            return True
        self.head_is_too_large = self._searched > HEAD_BYTES
        return self.head_is_too_large

    def _is_body_complete(self) -> bool:
        if self._has_unknown_coding:
            return True  # gunicorn refuses it
        if self._chunk_at:
            return self._has_last_chunk()
        return self._body_bytes <= min(BODY_BYTES, len(self.data) - self._body_at)

    def _has_last_chunk(self) -> bool:
        """Return whether the last chunk has arrived; continues from the chunk where it last stopped."""
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
    """Return the number in a Content-Length; 0 if it isn't one, because gunicorn refuses the request."""
    return int(digits[:18]) if digits[:18].isdigit() else 0
