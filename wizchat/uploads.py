"""No page or endpoint accepts files."""

from __future__ import annotations

from typing import Any, NoReturn

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler
from django.http.multipartparser import MultiPartParserError


class NoUploads(FileUploadHandler):
    """Refuses a form that contains a file or is too large, before anything is read or stored."""

    def handle_raw_input(self, input_data: Any, META: Any, content_length: int, *args: Any) -> None:
        if content_length > (settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0):
            raise RequestDataTooBig("The form is too large")

    def new_file(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise MultiPartParserError("No files are taken")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Never called, because ``new_file`` refuses every file."""

    def file_complete(self, file_size: int) -> None:
        """Never called, for the same reason."""
