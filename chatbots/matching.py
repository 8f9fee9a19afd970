"""Finds the known question that a message asks. Compares words, weighted by how telling they are. Pure.

A question is prepared once, when it is written. The work of one message stays within
the bounds below, whatever the questions and the message contain.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from hashlib import blake2b
from itertools import chain, islice
from math import fsum, log
from typing import NamedTuple

from rapidfuzz import process
from rapidfuzz.distance import JaroWinkler

# From this likeness on, a word of the message counts as a known one: "pasword" and "passwords"
# are "password" (0.98), "weather" is not "whether" (0.91), "card" is not "cart" (0.88).
LIKENESS = 0.92
SHORTEST_FUZZY_WORD = 4  # "car" is not "card"

# The share of meaning that message and question must have in common. At 0.55, half of a two-word
# question isn't enough if the message is also about something else ("reset the weather"), but it is
# enough if the message is about nothing else ("password?").
THRESHOLD = 0.55
# What the message leaves out of the question counts more than what it adds to it.
QUESTION_SHARE = 0.7

# Bounds on the work of one message, far above what people write.
FOLDED_LENGTH = 8000  # of a text; one character may decompose into 18
WORD_LENGTH = 24
MESSAGE_WORDS = 100
MESSAGE_SENTENCES = 40
QUESTION_WORDS = 20
COMPARISONS = 30_000  # of a word in the message with a known word, letter by letter
ALIKE = 16  # known words that one word of the message may stand for
VISITS = 10_000  # of a question that has one of those words

# Chinese and Japanese don't put spaces between words, so each character counts as a word.
_IDEOGRAPHS = "\u3040-\u30ff\u3400-\u9fff"
_WORD = re.compile(rf"[{_IDEOGRAPHS}]|[^\W_{_IDEOGRAPHS}]+")
# Split at a single mark: "[.!?;]+" would scan a row of 12,000 dots once for each dot.
_SENTENCE_END = re.compile(r"[.!?;]\s|[\n。؟]")
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


Recognised = dict[str, dict[str, float]]
"""The known words that each word of a message may stand for, with their likeness."""


def prepare(question: str) -> str:
    """Return what ``best_match`` needs of ``question``: a digest of all its words, then the telling ones."""
    words = _words(_folded(question))
    return " ".join([_digest(words), *_telling(words, QUESTION_WORDS)])


def best_match(message: str, prepared: Sequence[str]) -> int | None:
    """Return the index of the prepared question that ``message`` asks, the first of equals, or ``None``."""
    text = _folded(message)
    message_words = _words(text)
    if not message_words:
        return None
    questions = [entry.split(" ") for entry in prepared]
    verbatim = _digest(message_words)
    for number, (digest, *_) in enumerate(questions):
        if digest == verbatim:
            return number

    index = _Index([words[1:] for words in questions])
    recognised = index.recognise(_telling(message_words, MESSAGE_WORDS))
    parts = {
        frozenset(recognised.keys() & _telling(_words(part), MESSAGE_WORDS))
        for part in [text, *_SENTENCE_END.split(text, MESSAGE_SENTENCES)[:MESSAGE_SENTENCES]]
    }
    scores = index.scores([{word: recognised[word] for word in words} for words in parts])
    score, number = max(((score, -number) for number, score in scores), default=(0.0, 0))
    return -number if score >= THRESHOLD else None


class _Part(NamedTuple):
    """The message or one of its sentences, as an index knows it."""

    known: list[tuple[str, float]]  # words with their weight, the rarest (and most telling) first
    size: float  # the weight of all its words
    best_score: float  # of a question that consists of exactly the known words; no question scores higher


class _Index:
    """Questions by word. The fewer questions contain a word, the more it weighs."""

    def __init__(self, questions: Sequence[Sequence[str]]) -> None:
        self.questions = questions
        # Compute a logarithm for each count, not for each of up to 20,000 words.
        weight = cache(lambda count: log(1 + len(questions) / count))
        counts = Counter(chain.from_iterable(questions))
        self.weights = {word: weight(count) for word, count in counts.items()}
        self.unknown_weight = log(1 + len(questions))
        # fsum, so that the order of a question's words doesn't change even the last bit of its size.
        self.sizes = [fsum(map(self.weights.__getitem__, words)) for words in questions]

    def recognise(self, words: Sequence[str]) -> Recognised:
        """Return the known words that each word may stand for; a likeness is at most 1."""
        fuzzy = sum(len(word) >= SHORTEST_FUZZY_WORD for word in words)
        long_words = (word for word in self.weights if len(word) >= SHORTEST_FUZZY_WORD)
        vocabulary = list(islice(long_words, COMPARISONS // max(fuzzy, 1)))
        return {word: self._alike(word, vocabulary) for word in words}

    def _alike(self, word: str, vocabulary: Sequence[str]) -> dict[str, float]:
        exact = {word: 1.0} if word in self.weights else {}
        if len(word) < SHORTEST_FUZZY_WORD:
            return exact
        near = process.extract(
            word, vocabulary, scorer=JaroWinkler.similarity, score_cutoff=LIKENESS, limit=ALIKE
        )
        return {known: likeness for known, likeness, _ in near} | exact

    def scores(self, recognised: Iterable[Recognised]) -> Iterator[tuple[int, float]]:
        """Yield each question's share in common with each part, 0 to 1 (Tversky's index)."""
        parts = sorted(map(self._weigh, recognised), key=lambda part: part.best_score, reverse=True)
        having = self._find({word for part in parts for word, _ in part.known})
        visits = 0
        for part in parts:
            if part.best_score < THRESHOLD or visits > VISITS:
                return
            shared: defaultdict[int, float] = defaultdict(float)
            for word, weight in part.known:
                visits += len(having[word])
                if visits > VISITS:
                    break
                for number in having[word]:
                    shared[number] += weight
            for number, weight in shared.items():
                yield number, _share(weight, self.sizes[number], part.size)

    def _find(self, words: set[str]) -> Mapping[str, list[int]]:
        """Return the numbers of the questions that contain each of ``words``."""
        having: defaultdict[str, list[int]] = defaultdict(list)
        for number, question in enumerate(self.questions):
            for word in words.intersection(question):
                having[word].append(number)
        return having

    def _weigh(self, part: Recognised) -> _Part:
        likeness: dict[str, float] = {}
        for known in part.values():
            for word, value in known.items():
                likeness[word] = max(value, likeness.get(word, 0))
        rarest_first = sorted(likeness, key=lambda word: (-self.weights[word], word))
        weighed = [(word, self.weights[word] * likeness[word]) for word in rarest_first]
        weights = self.weights.__getitem__
        size = fsum(max(map(weights, known), default=self.unknown_weight) for known in part.values())
        known_size = fsum(weight for _, weight in weighed)
        best_score = _share(known_size, known_size, size) if known_size else 0.0
        return _Part(weighed, size, best_score)


def _share(shared: float, question_size: float, part_size: float) -> float:
    return shared / (QUESTION_SHARE * question_size + (1 - QUESTION_SHARE) * part_size)


def _folded(text: str) -> str:
    """Return ``text`` without differences of case, accent, width and hyphen, which rarely mean anything."""
    if not text.isascii():
        decomposed = unicodedata.normalize("NFKD", text.casefold())[:FOLDED_LENGTH]
        text = "".join(char for char in decomposed if unicodedata.category(char)[0] != "M")
    return _COMPOUND.sub(r"\1\2", text[:FOLDED_LENGTH].lower())


def _words(folded: str) -> list[str]:
    return _WORD.findall(folded)


def _digest(words: Sequence[str]) -> str:
    return blake2b(" ".join(words).encode(), digest_size=16).hexdigest()


def _telling(words: Sequence[str], limit: int) -> list[str]:
    """Return the first ``limit`` distinct words that aren't stopwords, shortened and without endings."""
    stems = (_ENDING.sub("", word[:WORD_LENGTH]) for word in words if word not in STOPWORDS)
    return list(islice(dict.fromkeys(stems), limit))
