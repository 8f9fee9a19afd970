from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from apikeys.core.times import in_full, length


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=2))])
def test_a_time_is_shown_in_utc(zone):
    assert in_full(datetime(2026, 11, 4, 9, 7, tzinfo=UTC).astimezone(zone)) == "4 November 2026, 09:07 UTC"


@pytest.mark.parametrize(
    ("hours", "words"), [(1, "1 hour"), (24, "24 hours"), (48, "2 days"), (168, "7 days"), (0, "0 hours")]
)
def test_a_length_of_time_is_in_whole_hours_or_days(hours, words):
    assert length(timedelta(hours=hours)) == words
