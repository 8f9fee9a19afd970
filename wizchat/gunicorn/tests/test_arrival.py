"""A request is recognised as complete, whatever pieces it arrives in."""

from __future__ import annotations

import pytest

from wizchat.gunicorn.arrival import BODY_BYTES, HEAD_BYTES, LINE_BYTES, Arrival

LINE = b"POST /v1/chatbots HTTP/1.1\r\n"


def arrived(*pieces):
    """Return an arrival, and how many of ``pieces`` it needed to be ready, or ``None``."""
    arrival = Arrival()
    for number, piece in enumerate(pieces, 1):
        arrival.data += piece
        if arrival.is_ready():
            return arrival, number
    return arrival, None


def bytes_of(data):
    return [data[at : at + 1] for at in range(len(data))]


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        LINE + b"Host: localhost\r\n\r\n",
        LINE + b"Content-Length: 3\r\n\r\nabc",
        LINE + b"content-length:\t3 \r\n\r\nabc",
        LINE + b"Content-Length: 0\r\n\r\n",
        LINE + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        LINE + b"Transfer-Encoding: gzip, Chunked\r\n\r\n3;a=b\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n",
        LINE + b"Transfer-Encoding: chunked\r\n\r\n5\r\n\r\n0\r\n\r\n0\r\nTrailer: a\r\n\r\n",
    ],
)
def test_request_is_ready_with_its_last_byte_and_not_before(request_):
    arrival, ready_after = arrived(*bytes_of(request_))

    assert ready_after == len(request_)
    assert not arrival.is_cut
    assert not arrival.head_is_too_large
    assert arrived(request_ + b"GET / HTTP")[1] == 1


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.1\n",
        b"x" * (LINE_BYTES + 3),
        LINE + b"Transfer-Encoding: odd\r\n\r\n",
        LINE + b"Transfer-Encoding: chunked, odd\r\n\r\n",
        LINE + b"Content-Length: -3\r\n\r\n",
        LINE + b"Transfer-Encoding: chunked\r\n\r\n-3\r\n",
        LINE + b"Transfer-Encoding: chunked\r\n\r\n" + b"3" * 17 + b"\r\n",
    ],
)
def test_the_rest_of_a_request_that_gunicorn_refuses_is_not_awaited(request_):
    assert arrived(*bytes_of(request_))[1] == len(request_)


def test_headers_have_a_limit_together():
    header = b"A: " + b"x" * 1000 + b"\r\n"

    unfinished, ready_after = arrived(LINE, *[header] * 1000)
    assert unfinished.head_is_too_large
    assert ready_after <= HEAD_BYTES // len(header) + 2
    assert arrived(LINE + header * (HEAD_BYTES // len(header) + 1) + b"\r\n")[0].head_is_too_large


@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Length: %d\r\n\r\n" % (BODY_BYTES + 1),
        b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % BODY_BYTES,
    ],
)
def test_body_that_is_too_large_is_cut_as_soon_as_its_size_is_known(rest):
    arrival, ready_after = arrived(LINE, rest)

    assert ready_after == 2
    assert arrival.is_cut


def test_the_largest_body_is_received():
    arrival, ready_after = arrived(LINE, b"Content-Length: %d\r\n\r\n" % BODY_BYTES, b"x" * BODY_BYTES)

    assert ready_after == 3
    assert not arrival.is_cut
