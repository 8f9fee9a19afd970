"""No page accepts a file, or reads one before refusing it."""

from __future__ import annotations

from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http.multipartparser import MultiPartParserError
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from apikeys.models import APIKey

NEW = "/settings/api/new/"


@pytest.mark.parametrize("name", ["attachment", "allowed_networks"])
def test_a_form_with_a_file_is_refused_and_does_nothing(web, send, name):
    answer = send(NEW, name="With a file", **{name: SimpleUploadedFile("list.txt", b"10.0.0.0/8")})

    assert answer.status_code == 400
    assert not APIKey.objects.exists()
    assert send(NEW, name="Without one").status_code == 200


def test_a_file_is_refused_before_it_is_stored_or_read_to_its_end(rf):
    form = encode_multipart(BOUNDARY, {"file": SimpleUploadedFile("a", b"x" * 200_000), "after": "it"})
    body = BytesIO(form)
    request = rf.generic("POST", NEW, form, MULTIPART_CONTENT, **{"wsgi.input": body})

    with pytest.raises(MultiPartParserError, match="No files are taken"):
        request.FILES  # noqa: B018  # reading it parses the form

    assert body.tell() < 100_000


def test_a_form_that_is_too_large_is_refused(web, send, settings):
    answer = send(NEW, name="x" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE)

    assert answer.status_code == 400
    assert not APIKey.objects.exists()
