"""Lists are read in order from an index, however many rows there are."""

from __future__ import annotations

import pytest
from django.db import connection


@pytest.mark.parametrize(
    ("relation", "index"),
    [("chatbots", "chatbot_newest"), ("queries", "query_newest"), ("faqs", "faq_newest")],
)
def test_list_is_read_from_its_index(owner, chatbot, relation, index):
    parent = owner if relation == "chatbots" else chatbot
    if connection.vendor == "postgresql":  # it wouldn't use an index for a few rows
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")

    plan = getattr(parent, relation).order_by("-created_at", "-id")[:50].explain()

    assert index in plan
    assert "sort" not in plan.lower()
    assert "temp b-tree" not in plan.lower()
