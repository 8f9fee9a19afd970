"""``manage.py demo``: creates an account to try WizChat with."""

from __future__ import annotations

import secrets
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand
from django.db import transaction

USERNAME = "demo"

# Created in this order: the API lists the newest first, so the README's example finds "Support" on top.
CHATBOTS: list[dict[str, Any]] = [
    {
        "name": "Office guide",
        "description": "Helps visitors and new colleagues find their way around.",
        "welcome_message": "Welcome! What are you looking for?",
        "fallback_message": "I don't know that. Please ask at the front desk.",
        "faqs": {
            "What are your opening hours?": "Monday to Friday, 8:00 to 18:00.",
            "Where can I park?": "In the car park behind the building, spaces 1 to 12.",
            "What is the Wi-Fi password?": "It's on the card in every meeting room.",
        },
        "queries": ["opening hours?", "Where can guests park their car?"],
    },
    {
        "name": "Support",
        "description": "Answers customers' questions about their accounts and orders.",
        "welcome_message": "Hi! Ask me about your account, an order or a refund.",
        "fallback_message": "I don't know that yet. Please email support@example.com.",
        "faqs": {
            "How can I reset my password?": "Choose “Forgot password?” when you sign in. We'll email a link.",
            "How do I delete my account?": "Go to Settings > Account and choose “Delete account”.",
            "Where is my order?": "Follow the tracking link in the email we sent when your order shipped.",
            "What is your refund policy?": "Return your order within 30 days for a full refund.",
            "Which payment methods do you accept?": "All major cards, PayPal, and invoices for companies.",
        },
        "queries": [
            "how do i reset my pasword?",
            "Can I get a refund?",
            "where's my order",
            "What is the weather like in Lisbon?",
        ],
    },
]


class Command(BaseCommand):
    help = (
        "Create the account “demo” with two chatbots, their FAQ entries and some queries. Its password is"
        " DEMO_PASSWORD, or a random one that is printed once. If the account exists, nothing changes."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        password = settings.DEMO_PASSWORD or secrets.token_urlsafe(12)
        if not _make_account(password):
            self.stdout.write(f"The account “{USERNAME}” already exists. Nothing was changed.")
            return
        shown = "the one in DEMO_PASSWORD" if settings.DEMO_PASSWORD else f"{password}  (shown only once)"
        self.stdout.write(f"Created the demo account.\n  Username: {USERNAME}\n  Password: {shown}")


def _make_account(password: str) -> bool:
    """Create the account and its chatbots, unless the name is taken; return whether it did."""
    defaults = {"email": "demo@example.com", "password": make_password(password)}
    with transaction.atomic():
        owner, is_new = User.objects.get_or_create(username=USERNAME, defaults=defaults)
        if is_new:
            EmailAddress.objects.create(user=owner, email=owner.email, verified=True, primary=True)
            for values in CHATBOTS:
                _make_chatbot(owner, **values)
    return is_new


def _make_chatbot(owner: User, *, faqs: dict[str, str], queries: list[str], **values: str) -> None:
    chatbot = owner.chatbots.create(**values)
    for question, answer in faqs.items():
        chatbot.learn(question, answer)
    for message in queries:
        chatbot.ask(message)
