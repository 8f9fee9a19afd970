"""No question or message makes a reply expensive. Counts work, not time."""

from __future__ import annotations

import random
import unicodedata
from collections import defaultdict
from functools import cache
from string import ascii_lowercase

import pytest

from chatbots import matching
from chatbots.matching import best_match, prepare

LETTERS = random.Random(1)


def word(length, alphabet=ascii_lowercase):
    return "".join(LETTERS.choice(alphabet) for _ in range(length))


def alike(prefix, number, count):
    """Return ``count`` texts of ``number`` words that all start with ``prefix``."""
    return [" ".join(prefix + word(4) for _ in range(number)) for _ in range(count)]


def everything_at_once():
    """Return questions of similar words that share one word, and a message that repeats it."""
    letters = [chr(point) for point in range(0x10428, 0x10450)]
    beginning = word(20, letters)
    everywhere = beginning + word(4, letters)
    known = [" ".join([everywhere, *(beginning + word(4, letters) for _ in range(23))]) for _ in range(1000)]
    sentences = [" ".join([beginning + word(4, letters) for _ in range(2)] + [everywhere]) for _ in range(40)]
    return known, ". ".join(sentences) + "。" + "㍿" * 4000


FEW_WORDS = ["abcdef" + word(3) for _ in range(300)]
MARKS = "".join(chr(point) for point in range(0x300, 0x370))
DESCENDING_MARKS = "".join(sorted(MARKS, key=unicodedata.combining, reverse=True))

# An attacker's entries and questions: each is the most expensive one found for one part of the work.
ATTACKS = {
    "compatibility characters": (alike("ⅷ" * 24, 32, 1000), alike("ⅷ" * 24, 130, 1)[0]),
    "a character that becomes 18": (["\ufdfa" * 1000] * 1000, "\ufdfa" * 3999 + "x"),
    "a large vocabulary": (alike("", 200, 1000), alike("", 800, 1)[0]),
    "long words that begin alike": (
        alike("abcdefghijklmnopqrst", 40, 1000),
        alike("abcdefghijklmnopqrst", 160, 1)[0],
    ),
    "long words outside the BMP": (alike("\U00010428" * 20, 40, 1000), alike("\U00010428" * 20, 160, 1)[0]),
    "one word of all letters": ([word(1000) for _ in range(1000)], word(4000)),
    "every question has every word": (
        [" ".join(FEW_WORDS[:32])] * 1000,
        ". ".join([" ".join(FEW_WORDS[:11])] * 40),
    ),
    "every sentence has every word": (
        [" ".join(LETTERS.sample(FEW_WORDS, 32)) for _ in range(1000)],
        ". ".join(" ".join(LETTERS.sample(FEW_WORDS[:100], 9)) for _ in range(40)),
    ),
    "ideographs": (
        ["".join(chr(0x4E00 + n) for n in LETTERS.sample(range(100), 40)) for _ in range(1000)],
        "。".join("".join(chr(0x4E00 + n) for n in LETTERS.sample(range(100), 90)) for _ in range(40)),
    ),
    "combining marks": ([("a" + DESCENDING_MARKS) * 9] * 1000, ("a" + DESCENDING_MARKS) * 40),
    "rows of dots": (["…" * 1000] * 1000, "…" * 3999 + "x"),
    "everything at once": everything_at_once(),
    "stopwords": (["a " * 500] * 1000, "a " * 2000),
}


@cache
def prepared(attack):
    questions, _ = ATTACKS[attack]
    once = {question: prepare(question[:1000]) for question in questions}
    return [once[question] for question in questions]


@pytest.fixture
def work(monkeypatch):
    """Count the work that one message causes."""
    done = defaultdict(int)
    extract, category, shares = matching.process.extract, unicodedata.category, matching._share

    class Visited(list):
        def __iter__(self):
            done["visits"] += len(self)
            return super().__iter__()

    class Index(matching._Index):
        def __init__(self, questions):
            super().__init__(questions)
            done["known words"] = sum(map(len, questions))

        def _find(self, words):
            return {known: Visited(at) for known, at in super()._find(words).items()}

    def counted_extract(word, vocabulary, **options):
        done["comparisons"] += len(vocabulary)
        done["longest word"] = max([done["longest word"], len(word), *map(len, vocabulary)])
        found = extract(word, vocabulary, **options)
        done["alike"] = max(done["alike"], len(found))
        return found

    def counted_category(character):
        done["characters"] += 1
        return category(character)

    def counted_share(*sizes):
        done["shares"] += 1
        return shares(*sizes)

    monkeypatch.setattr(matching, "_Index", Index)
    monkeypatch.setattr(matching.process, "extract", counted_extract)
    monkeypatch.setattr(matching.unicodedata, "category", counted_category)
    monkeypatch.setattr(matching, "_share", counted_share)
    return done


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_worst_entries_cost_one_message_no_more_than_the_bounds(work, attack):
    known, (_, message) = prepared(attack), ATTACKS[attack]
    work.clear()

    best_match(message[:4000], known)

    assert work["characters"] <= matching.FOLDED_LENGTH
    assert work["comparisons"] <= matching.COMPARISONS
    assert work["longest word"] <= matching.WORD_LENGTH
    assert work["alike"] <= matching.ALIKE
    assert work["known words"] <= 1000 * matching.QUESTION_WORDS
    assert work["visits"] <= matching.VISITS
    assert work["shares"] <= matching.VISITS + matching.MESSAGE_SENTENCES


@pytest.mark.parametrize(
    ("attack", "bound"),
    [
        ("a character that becomes 18", "characters"),
        ("a large vocabulary", "comparisons"),
        ("every sentence has every word", "visits"),
        ("everything at once", "characters"),
        ("everything at once", "comparisons"),
        ("everything at once", "visits"),
    ],
)
def test_the_attacks_do_reach_the_bounds(work, attack, bound):
    limit = {
        "characters": matching.FOLDED_LENGTH,
        "comparisons": matching.COMPARISONS,
        "visits": matching.VISITS,
    }
    known, (_, message) = prepared(attack), ATTACKS[attack]
    work.clear()

    best_match(message[:4000], known)

    assert work[bound] > limit[bound] * 0.8


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_prepared_question_is_short(attack):
    for text in prepared(attack)[:10]:
        digest, *words = text.split(" ")
        assert len(digest) == 32
        assert len(words) <= matching.QUESTION_WORDS
        assert all(len(known) <= matching.WORD_LENGTH for known in words)


def test_words_past_the_limit_of_comparisons_still_match_exactly(monkeypatch):
    monkeypatch.setattr(matching, "COMPARISONS", 0)

    assert best_match("reset the password", [prepare("Opening hours?"), prepare("Reset my password")]) == 1
    assert best_match("reset the pasword", [prepare("Opening hours?"), prepare("Reset my password")]) is None
