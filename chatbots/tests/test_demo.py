"""``manage.py demo``: an account to try WizChat with."""

from __future__ import annotations

import re
from io import StringIO

import pytest
from django.conf import settings
from django.contrib.auth import authenticate, get_user_model
from django.core.management import call_command

from chatbots.models import Chatbot, FAQEntry, Query


def demo():
    out, err = StringIO(), StringIO()
    call_command("demo", stdout=out, stderr=err)
    assert err.getvalue() == ""
    return out.getvalue()


def password_in(text):
    return re.search(r"Password: (\S+)", text)[1]


@pytest.fixture(autouse=True)
def _no_password_from_outside(db, settings):
    settings.DEMO_PASSWORD = ""


def test_printed_password_signs_in(rf):
    password = password_in(demo())

    assert len(password) >= 16
    user = get_user_model().objects.get(username="demo")
    assert user.check_password(password)
    assert authenticate(rf.post("/"), username="demo", password=password) == user
    assert (user.is_staff, user.is_superuser) == (False, False)


def test_password_from_the_environment_is_used_and_not_printed(settings):
    settings.DEMO_PASSWORD = "correct horse"

    assert "correct horse" not in demo()

    assert get_user_model().objects.get(username="demo").check_password("correct horse")


def test_two_chatbots_answer_their_queries_from_their_faqs_or_fall_back():
    demo()

    assert Chatbot.objects.count() == 2
    for chatbot in Chatbot.objects.all():
        known = set(chatbot.faqs.values_list("answer", flat=True))
        given = list(chatbot.queries.values_list("answer", flat=True))
        assert known & set(given)
        assert set(given) <= known | {chatbot.fallback_message}
    assert Query.objects.filter(answer__startswith="I don't know that yet").count() == 1


def test_the_steps_of_the_readme_give_what_it_shows(call, issue):
    """Step 3 lists the chatbots, step 4 asks the first of them."""
    readme = (settings.BASE_DIR / "README.md").read_text()
    name = re.search(r'"results": \[\{"id": "…", "name": "([^"]+)"', readme)[1]
    question = re.search(r"-d '(\{\"message\": .+\})'", readme)[1]
    answer = re.search(r'"answer": "([^"]+) …"', readme)[1]
    demo()
    demo_owner = get_user_model().objects.get(username="demo")
    _, raw = issue(owner=demo_owner, by=demo_owner)

    first = call(raw).json()["results"][0]
    reply = call(raw, "POST", f"/v1/chatbots/{first['id']}/messages", question.encode()).json()

    assert first["name"] == name
    assert reply["answer"].startswith(answer)


def test_second_run_says_so_and_changes_nothing(settings):
    demo()
    before = snapshot()
    settings.DEMO_PASSWORD = "another"

    text = demo()

    assert "already exists" in text
    assert "Password" not in text
    assert snapshot() == before


def test_someone_elses_account_of_that_name_is_left_alone():
    get_user_model().objects.create_user("demo", password="mine")

    demo()

    assert get_user_model().objects.get().check_password("mine")
    assert not Chatbot.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_failing_halfway_leaves_nothing(settings):
    settings.CHATBOT_REPLIER = "chatbots.tests.test_demo.BrokenReplier"

    with pytest.raises(ZeroDivisionError):
        demo()

    assert snapshot() == [[], [], [], []]


class BrokenReplier:
    def reply(self, chatbot, message):
        raise ZeroDivisionError


def snapshot():
    models = (get_user_model(), Chatbot, FAQEntry, Query)
    return [list(model.objects.order_by("pk").values()) for model in models]
