"""Which known question does a message ask? Words are compared, by meaning-bearing weight. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice
from math import log

from rapidfuzz import process
from rapidfuzz.distance import JaroWinkler

# A word of the message is taken for a known one from this likeness on: "pasword" and "passwords"
# are "password" (0.98), "weather" is not "whether" (0.91), "card" is not "cart" (0.88).
LIKENESS = 0.92
SHORTEST_FUZZY_WORD = 4  # "car" is not "card"

# The share of meaning that message and question must have in common. At 0.55 half of a two-word
# question is not enough if the message speaks of something else beside ("reset the weather"), but
# is if it speaks of nothing else ("password?").
THRESHOLD = 0.55
# What the message leaves out of the question counts more than what it says beside it.
QUESTION_SHARE = 0.7

# Bounds on one comparison, far above what people write, so that no text makes it slow.
MESSAGE_WORDS = 100
MESSAGE_SENTENCES = 40
QUESTION_WORDS = 32

# Chinese and Japanese do not put spaces between words: there a character is a word.
_IDEOGRAPHS = "\u3040-\u30ff\u3400-\u9fff"
_WORD = re.compile(rf"[{_IDEOGRAPHS}]|[^\W_{_IDEOGRAPHS}]+")
_SENTENCE_END = re.compile(r"[.!?;]+\s|[\n。؟]+")
# "log in", "log-in", "logged in" and "login" are one word; so are "e-mail" and "email".
_COMPOUND = re.compile(r"\b(e|log|set|sign)(?:ged|ging|ed|ing)?[ -](in|mail|off|on|out|up)\b")
# "resetting" is "reset", "closed" is "close": what is left is alike enough.
_ENDING = re.compile(r"(?<=\w{3})(?:ing|ed)$")

# English words that say how something is asked, not what is asked.
STOPWORDS = frozenset(
    """
    a about after all also am an and any are as at available be because been before being between but by
    can cannot cant could couldnt d did do does doesnt doing don dont during else explain find for from
    get gets getting give go going got had has have having he her here him his how hows i id if ill im
    in into is isnt it its ive just kindly know let like ll long m many may me might mine much must my
    need no not now of off offer offers often ok okay on one or our ours out over please possible re s
    see shall she should show so some someone something t take takes taking tell than thank thanks that
    thats the their them then there these they this those to too u under us ve very want wants was way
    we well were what whats when where wheres whether which while who whom whos whose why will with wont
    would you your youre yours
    """.split()  # noqa: SIM905 - reads better than a list of 150 strings
)


def best_match(message: str, questions: Sequence[str]) -> int | None:
    """The index of the question that ``message`` asks, the first of equals, or ``None``."""
    text = _folded(message)
    asked = [_words(_folded(question)) for question in questions]
    spoken = _words(text)
    if spoken and spoken in asked:
        return asked.index(spoken)

    known = [_meaningful(words, QUESTION_WORDS) for words in asked]
    index = _Index(known)
    heard = {word: index.alike(word) for word in _meaningful(spoken, MESSAGE_WORDS)}
    parts = [text, *_SENTENCE_END.split(text)][:MESSAGE_SENTENCES]
    scores = [
        (score, -number)
        for words in {frozenset(_meaningful(_words(part), MESSAGE_WORDS) & heard.keys()) for part in parts}
        for number, score in index.scores({word: heard[word] for word in words})
    ]
    score, number = max(scores, default=(0.0, 0))
    return -number if score >= THRESHOLD else None


class _Index:
    """Questions by word. A word that few of them have weighs more than one that many have."""

    def __init__(self, questions: Sequence[frozenset[str]]) -> None:
        self.questions = questions
        self.having: defaultdict[str, list[int]] = defaultdict(list)
        for number, words in enumerate(questions):
            for word in words:
                self.having[word].append(number)
        self.vocabulary = list(self.having)
        self.weights = {word: log(1 + len(questions) / len(at)) for word, at in self.having.items()}
        self.unknown_weight = log(1 + len(questions))
        self.sizes = [sum(map(self.weights.__getitem__, words)) for words in questions]

    def alike(self, word: str) -> dict[str, float]:
        """The known words that ``word`` may stand for, with their likeness (up to 1)."""
        if len(word) < SHORTEST_FUZZY_WORD:
            return {word: 1.0} if word in self.having else {}
        near = process.extract(
            word, self.vocabulary, scorer=JaroWinkler.similarity, score_cutoff=LIKENESS, limit=None
        )
        return {known: likeness for known, likeness, _ in near if len(known) >= SHORTEST_FUZZY_WORD}

    def scores(self, heard: dict[str, dict[str, float]]) -> Iterator[tuple[int, float]]:
        """What each question shares with the words ``heard``, 0 to 1 (Tversky's index)."""
        likeness: dict[str, float] = {}
        for known in heard.values():
            for word, value in known.items():
                likeness[word] = max(value, likeness.get(word, 0))
        size = sum(
            max(map(self.weights.__getitem__, known), default=self.unknown_weight) for known in heard.values()
        )
        for number in {number for word in likeness for number in self.having[word]}:
            words = self.questions[number] & likeness.keys()
            shared = sum(self.weights[word] * likeness[word] for word in words)
            yield number, shared / (QUESTION_SHARE * self.sizes[number] + (1 - QUESTION_SHARE) * size)


def _folded(text: str) -> str:
    """``text`` without the differences of case, accent, width and hyphen that no one means."""
    if not text.isascii():
        decomposed = unicodedata.normalize("NFKD", text.casefold())
        text = "".join(char for char in decomposed if unicodedata.category(char)[0] != "M")
    return _COMPOUND.sub(r"\1\2", text.lower())


def _words(folded: str) -> list[str]:
    return _WORD.findall(folded)


def _meaningful(words: list[str], limit: int) -> frozenset[str]:
    """The first ``limit`` different words that are not stopwords, without their endings."""
    stems = (_ENDING.sub("", word) for word in words if word not in STOPWORDS)
    return frozenset(islice(dict.fromkeys(stems), limit))
