from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from apikeys.core.times import in_full


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=2))])
def test_a_time_is_shown_in_utc(zone):
    assert in_full(datetime(2026, 11, 4, 9, 7, tzinfo=UTC).astimezone(zone)) == "4 November 2026, 09:07 UTC"
