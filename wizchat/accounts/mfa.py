"""Two-factor authentication: every secret that generates codes is encrypted at rest."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import Any
from urllib.parse import urlsplit

from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm as AllauthActivateTOTPForm
from allauth.mfa.totp.internal.auth import SECRET_SESSION_KEY
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.contrib.auth.models import User

PURPOSE = b"wizchat.accounts.mfa"


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth ships no types
    error_messages = DefaultMFAAdapter.error_messages | {
        "cannot_delete_authenticator": "You can't turn off two-factor authentication.",
        "cannot_generate_recovery_codes": "Set up an app or a passkey before you create recovery codes.",
        "incorrect_code": "Incorrect code. Check your device's clock and enter the next code.",
        "unverified_email": "Confirm your email addresses before you turn on two-factor authentication.",
    }

    def encrypt(self, text: str) -> str:
        return cipher().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Return the secret; raise ``InvalidToken`` if none of the configured keys encrypted it."""
        return cipher().decrypt(encrypted_text.encode()).decode()

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:
        count = Authenticator.objects.filter(user_id=user.pk, type=type).count()
        return f"Passkey {count + 1}"

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Bind passkeys to the site, not to a request's Host header."""
        return {"id": urlsplit(settings.SITE_URL).hostname or "localhost", "name": "WizChat"}


class ActivateTOTPForm(AllauthActivateTOTPForm):  # type: ignore[misc]  # allauth ships no types
    """Encrypts the new secret in the session until the user enters the first code."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.secret = ""
        super().__init__(*args, **kwargs)
        adapter = MFAAdapter()
        try:
            self.secret = adapter.decrypt(self.secret)
        except InvalidToken:
            # allauth has just generated this secret and stored it in the clear.
            context.request.session[SECRET_SESSION_KEY] = adapter.encrypt(self.secret)


def cipher() -> MultiFernet:
    """Return a cipher with a key derived from ``SECRET_KEY``, which decrypts with its fallbacks too."""
    return MultiFernet(_fernet(secret) for secret in [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS])


def _fernet(secret: str) -> Fernet:
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=PURPOSE).derive(secret.encode())
    return Fernet(urlsafe_b64encode(key))
