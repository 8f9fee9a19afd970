"""Which FAQ entry a message finds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbots import matching
from chatbots.matching import STOPWORDS, prepare

FAQ = {
    "password": "How can I reset my password?",
    "delete": "How do I delete my account?",
    "create": "How do I create an account?",
    "refund": "What is your refund policy?",
    "hours": "What are your opening hours?",
    "shipping": "How long does shipping take?",
    "payment": "Which payment methods do you accept?",
    "login": "Why can't I log in?",
    "email": "How do I change my e-mail address?",
    "café": "Where is the café?",
    "who": "Who are you?",
    "退款": "如何申请退款？",
    "c": "Do you support C?",
}
TOPICS = list(FAQ)


def best_match(message, questions):
    return matching.best_match(message, [prepare(question) for question in questions])


def found(message):
    number = best_match(message, list(FAQ.values()))
    return None if number is None else TOPICS[number]


@pytest.mark.parametrize("topic", TOPICS)
def test_the_question_itself_finds_its_entry(topic):
    assert found(FAQ[topic]) == topic


@pytest.mark.parametrize(
    ("message", "topic"),
    [
        ("how do i reset my pasword?", "password"),
        ("HOW CAN I RESET MY PASSWORD", "password"),
        ("  How can I, er... reset -- my password?!?  ", "password"),
        ("reset password", "password"),
        ("password", "password"),
        ("resetting passwords", "password"),
        ("passwrod resett", "password"),
        ("delete account", "delete"),
        ("I'd like to delete my account, please", "delete"),
        ("create account", "create"),
        ("refund", "refund"),
        ("Can I get a refund?", "refund"),
        ("refnud polcy", "refund"),
        ("opening hours", "hours"),
        ("what are the hours of opening", "hours"),
        ("shipping time: how long?", "shipping"),
        ("shipping time", "shipping"),
        ("When are you open?", "hours"),
        ("payment methods", "payment"),
        ("What payment methods are accepted?", "payment"),
        ("I cannot login", "login"),
        ("logging in", "login"),
        ("change email", "email"),
        ("CHANGE MY E-MAIL ADRESS", "email"),
        ("where's the cafe", "café"),
        ("ｗｈｅｒｅ ｉｓ ｔｈｅ ＣＡＦÉ", "café"),
        ("who are you", "who"),
        ("我想申请退款", "退款"),
        (
            "Hi there! I bought a lamp last week and I love it. How do I reset my password? Thanks!",
            "password",
        ),
        ("hello i bought a lamp last week please tell me how to reset my password", "password"),
        ("hello\nmy order came late\nrefund policy\nbest regards, Ann", "refund"),
    ],
)
def test_other_wordings_and_typos_find_it(message, topic):
    assert found(message) == topic


@pytest.mark.parametrize(
    "message",
    [
        "What is the weather",
        "What is the weather like today?",
        "How can I reset the weather?",
        "How do I?",
        "What is your",
        "how can i do my",
        "Who are they?",
        "what's up",
        "asdf qwer zxcv",
        "x",
        "???",
        "🙂",
        "12345",
        "Tell me a joke",
        "Write a poem about the sea, the moon and the stars",
        "How do I bake bread?",
        "How do I open an umbrella?",
        "Which methods does Python's list have?",
        "What is the address of the White House?",
        "今天天气怎么样",
        "How do I support my team?",
    ],
)
def test_anything_else_finds_nothing(message):
    assert found(message) is None


def test_words_that_only_say_how_something_is_asked_never_match():
    assert found(" ".join(sorted(STOPWORDS))) is None


def test_two_questions_that_differ_in_one_letter_are_kept_apart():
    questions = ["What is in the contract?", "How do I contact you?"]

    assert best_match("contract", questions) == 0
    assert best_match("contact", questions) == 1


@pytest.mark.parametrize(
    ("message", "question"),
    [
        ("pasword", "password"),
        ("hour", "hours"),
        ("pricing", "price"),
        ("apssword", "password"),
        ("car", "car"),
    ],
)
def test_words_that_match(message, question):
    assert best_match(message, [question]) == 0


@pytest.mark.parametrize(
    ("message", "question"),
    [
        ("car", "card"),
        ("cart", "card"),
        ("sport", "support"),
        ("house", "hours"),
        ("ship", "shop"),
        ("a1", "a2"),
    ],
)
def test_words_that_only_look_alike_do_not_match(message, question):
    assert best_match(message, [question]) is None


def test_a_word_that_every_question_has_decides_nothing():
    questions = [f"How about {topic} in WizChat?" for topic in ("invoices", "languages", "holidays")]

    assert best_match("WizChat", questions) is None
    assert best_match("holidays", questions) == 2
    assert best_match("WizChat astronauts", questions) is None


def test_a_sentence_may_end_in_a_row_of_marks():
    assert found("I bought a lamp... I love it!!! How do I reset my password?! Thanks") == "password"


def test_a_word_that_is_too_long_to_compare_whole_still_finds_its_entry():
    law = "Rechtsschutzversicherungsgesellschaften"

    assert best_match(law, ["Opening hours?", f"{law}?"]) == 1
    assert best_match(f"about {law.lower()} please", ["Opening hours?", f"Which {law}?"]) == 1


def test_questions_with_the_same_words_in_another_order_are_equal():
    words = [f"word{number}" for number in range(20)]

    for question in (" ".join(words), " ".join(words[::-1]), " ".join(sorted(words))):
        assert best_match(" ".join(words[3:]), [question, " ".join(words[5:] + words[:5])]) == 0


def test_the_first_of_two_equal_questions_wins():
    assert best_match("opening hours", ["Opening hours?", "What are your opening hours?"]) == 0


def test_no_questions_find_nothing():
    assert best_match("anything", []) is None


@given(st.text(), st.lists(st.text(), max_size=5))
def test_any_text_is_compared_without_an_error(message, questions):
    number = best_match(message, questions)

    assert number is None or questions[number]


@given(st.text(alphabet=st.characters(categories=["L", "N"]), min_size=1), st.lists(st.text(), max_size=5))
def test_a_question_finds_itself_whatever_its_script(question, others):
    found = best_match(question, [*others, question])

    assert found is not None
