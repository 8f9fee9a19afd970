"""Rate limits are parsed, and invalid ones are refused with a sentence."""

import pytest

from apikeys.core.rates import InvalidRate, Rate, lowest, parse_rate


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("6000/minute", Rate(6000, 60)),
        ("5/second", Rate(5, 1)),
        ("1/hour", Rate(1, 3600)),
        (" 10 / DAY ", Rate(10, 86_400)),
        ("999999999/day", Rate(999_999_999, 86_400)),
        ("off", None),
        ("OFF", None),
    ],
)
def test_a_rate_is_a_number_and_a_unit_or_off(text, rate):
    assert parse_rate(text) == rate


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0/minute",
        "000/minute",
        "-1/minute",
        "1.5/minute",
        "1e3/minute",
        "1000000000/minute",
        "٣/minute",
        "60",
        "60/",
        "/minute",
        "60/minutes",
        "60/week",
        "60/minute/minute",
        "60 per minute",
        "on",
        "none",
        "60/minute\x00",
    ],
)
def test_anything_else_is_refused_with_an_example(text):
    with pytest.raises(InvalidRate, match="such as 6000/minute, or off"):
        parse_rate(text)


def test_an_error_does_not_repeat_a_long_text():
    with pytest.raises(InvalidRate) as refused:
        parse_rate("x" * 10_000)

    assert len(str(refused.value)) < 200


@pytest.mark.parametrize("text", ["6000/minute", "1/second", "3/hour", "4/day"])
def test_a_rate_is_written_as_it_is_read(text):
    assert str(parse_rate(text)) == text


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("5/minute", "off"), "5/minute"),
        (("off", "5/minute"), "5/minute"),
        (("5/minute", "1/second"), "5/minute"),
        (("1/second", "70/minute"), "1/second"),
        (("", "off"), "off"),
        (("", "5/minute"), "5/minute"),
        (("nonsense", "5/minute"), "5/minute"),
        (("", ""), ""),
    ],
)
def test_the_lowest_limit_is_the_one_that_allows_least(texts, expected):
    assert lowest(*texts) == expected
