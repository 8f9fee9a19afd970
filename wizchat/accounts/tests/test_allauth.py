"""Our uses of allauth's private names were checked against the installed version."""

from __future__ import annotations

import allauth
from allauth.account import stages
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.auth_backends import AuthenticationBackend
from allauth.account.internal.flows import login, password_reset, reauthentication
from allauth.mfa.totp.internal import auth

from wizchat.accounts.adapter import OUR_STAGE, THEIR_STAGE, AccountAdapter


def test_the_installed_allauth_is_the_version_that_was_checked():
    """Read decision 35 and the names below again before you change the version here."""
    assert allauth.__version__ == "65.21.1"
    assert callable(DefaultAccountAdapter._get_login_attempts_cache_key)
    assert callable(AuthenticationBackend._stash_user)
    assert callable(login.record_authentication)
    assert callable(password_reset.request_password_reset)
    assert callable(reauthentication.did_recently_reauthenticate)
    assert callable(stages.EmailVerificationStage.handle)
    assert auth.SECRET_SESSION_KEY == "mfa.totp.secret"


def test_the_stage_that_verifies_addresses_is_ours(rf):
    names = AccountAdapter(rf.get("/")).get_login_stages()

    assert OUR_STAGE in names
    assert THEIR_STAGE not in names
