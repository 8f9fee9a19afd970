"""The API reference: one page, rendered here, for people with a key or without."""

from __future__ import annotations

from typing import NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe


class Endpoint(NamedTuple):
    method: str
    path: str
    needs: str
    answer: str


ENDPOINTS = [
    Endpoint("GET", "/v1/chatbots", "read", "200, a page of your chatbots, newest first"),
    Endpoint("POST", "/v1/chatbots", "admin", "201, the new chatbot"),
    Endpoint("GET", "/v1/chatbots/{id}", "read", "200, the chatbot"),
    Endpoint("PATCH", "/v1/chatbots/{id}", "write", "200, the chatbot with its settings changed"),
    Endpoint("DELETE", "/v1/chatbots/{id}", "admin", "204, nothing"),
    Endpoint("GET", "/v1/chatbots/{id}/queries", "read", "200, a page of queries, newest first"),
    Endpoint("POST", "/v1/chatbots/{id}/messages", "write", "201, the stored query with its answer"),
    Endpoint("GET", "/v1/chatbots/{id}/faqs", "read", "200, a page of the entries it answers from"),
    Endpoint("POST", "/v1/chatbots/{id}/faqs", "write", "201, the new entry"),
    Endpoint("DELETE", "/v1/chatbots/{id}/faqs/{id}", "admin", "204, nothing"),
]


class Refusal(NamedTuple):
    status: int
    code: str
    meaning: str


REFUSALS = [
    Refusal(400, "VALIDATION_ERROR", "The body or a parameter is not valid; “fields” says what and why."),
    Refusal(401, "UNAUTHORIZED", "API key required: no key was sent."),
    Refusal(401, "UNAUTHORIZED", "Invalid API key: it is mistyped, unknown, or its owner has left."),
    Refusal(401, "UNAUTHORIZED", "API key has been revoked."),
    Refusal(401, "UNAUTHORIZED", "API key has expired."),
    Refusal(403, "FORBIDDEN", "IP address not allowed: the key is limited to other addresses."),
    Refusal(403, "FORBIDDEN", 'This API key lacks the "write" permission (its name).'),
    Refusal(403, "HTTPS_REQUIRED", "HTTPS is required. Change a key that was sent without it."),
    Refusal(404, "NOT_FOUND", "There is no such thing, or it is not yours."),
    Refusal(405, "METHOD_NOT_ALLOWED", "The address does not take this method."),
    Refusal(409, "CHATBOT_INACTIVE", "The chatbot is switched off and takes no messages."),
    Refusal(413, "PAYLOAD_TOO_LARGE", "The body is over the limit."),
    Refusal(415, "UNSUPPORTED_MEDIA_TYPE", "The body must be application/json in UTF-8."),
    Refusal(429, "RATE_LIMITED", "Too many failed authentications; “Retry-After” says how long to wait."),
    Refusal(500, "INTERNAL_ERROR", "A fault of the server's."),
    Refusal(503, "UNAVAILABLE", "The server cannot answer now; try again after “Retry-After” seconds."),
]


@require_safe
def api_reference(request: HttpRequest) -> HttpResponse:
    context = {
        "endpoints": ENDPOINTS,
        "refusals": REFUSALS,
        "base": request.build_absolute_uri("/v1"),
    }
    return render(request, "docs/api_reference.html", context)
