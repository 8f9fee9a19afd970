"""A member with keys in every state, and every page of the site."""

from __future__ import annotations

import json
from dataclasses import dataclass
from uuid import uuid4

LONG = "W" * 80
TURNED = "<b>Robot</b> \u202eexe.gnp"
FURNISH = """
import json
from datetime import timedelta
from django.contrib.auth.models import User
from django.utils import timezone
from apikeys.models import APIKey, KeyUsage, Permission

user = User.objects.get(username=%(username)r)
User.objects.filter(pk=user.pk).update(is_staff=True, is_superuser=True)
now = timezone.now()
hour = now.replace(minute=0, second=0, microsecond=0)
ids = {}

def issue(name, permissions=Permission.READ, days=None, networks="", used_hours=0):
    expires_at = None if days is None else now + timedelta(days=days)
    key, _raw = APIKey.objects.issue(
        owner=user, by=user, name=name, permissions=permissions, now=now - timedelta(days=40),
        expires_at=expires_at, allowed_networks=networks,
    )
    ids[name] = key.key_id
    if used_hours:
        APIKey.objects.filter(pk=key.pk).update(
            last_used_at=now, last_used_ip="203.0.113.7", last_used_user_agent="python-requests/2.32.0",
            last_used_method="GET", last_used_route="/v1/chatbots",
        )
        KeyUsage.objects.bulk_create(
            KeyUsage(key=key, hour=hour - timedelta(hours=ago), outcome=outcome, address="2001:db8::7",
                     count=ago + 1, last_at=now)
            for ago in range(0, used_hours, 3) for outcome in ("answered", "address", "client_error")
        )
    return key

for number in range(%(robots)d):
    issue(f"Robot {number}", days=200, used_hours=24)
issue("Old importer", days=-2)
leaked = issue("Leaked key", Permission.ADMIN)
leaked.revoke(by=user, now=now)
issue(%(turned)r)
issue(%(long)r, networks="\\n".join(f"2001:db8:{n:x}::/48" for n in range(20)))
issue("Staging", Permission.ADMIN, days=5)
issue("Production API", Permission.READ | Permission.WRITE, days=300, networks="203.0.113.7", used_hours=720)
maker = issue("Provisioner", Permission.ADMIN)
made = issue("Made by a key")
APIKey.objects.filter(pk=made.pk).update(created_by_key=maker)
APIKey.objects.filter(pk=maker.pk).update(created_by_key=leaked)
old = issue("Mobile app", days=100, used_hours=48)
new, _raw = old.rotate(by=user, now=now, overlap=timedelta(days=1))
ids["Mobile app, new"] = new.key_id
print(json.dumps(ids))
"""


GUARD = """
from django.contrib.auth.models import User
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP

user = User.objects.get(username=%r)
user.emailaddress_set.create(email=user.email, verified=True, primary=True)
user.emailaddress_set.create(email="second@example.com")
TOTP.activate(user, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
RecoveryCodes.activate(user)
"""


@dataclass(frozen=True)
class Scene:
    """``member`` is an operator with keys, whose ids are in ``ids``; ``guarded`` has two-factor."""

    member: object
    ids: dict
    guarded: object
    url: str

    def path(self, name, page=""):
        return f"/settings/api/{self.ids[name]}/{page}"


def furnish(server, robots=25):
    member = server.new_member()
    values = {"username": member.username, "robots": robots, "turned": TURNED, "long": LONG}
    guarded = server.new_member()
    server.shell(GUARD % guarded.username)
    return Scene(member, json.loads(server.shell(FURNISH % values)), guarded, server.url)


def create(page, name="Browser key"):
    """Create a key with the form; the page then shows the new key."""
    page.goto("/settings/api/new/")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Create", exact=True).click()
    page.get_by_role("heading", name="Save your new key").wait_for()


def _mistaken(page, scene):
    page.goto("/settings/api/new/")
    page.get_by_label("Read", exact=True).uncheck()
    page.get_by_label("Expires", exact=True).select_option("date")
    page.get_by_label("Allowed IP addresses", exact=True).fill("10.0.0.0/33\nnonsense")
    page.get_by_role("button", name="Create", exact=True).click()
    page.get_by_role("alert").wait_for()


def _already(page, scene):
    page.goto("/settings/api/new/")
    page.get_by_label("Name", exact=True).fill("Browser key")
    twice = page.evaluate(
        "() => new URLSearchParams(new FormData(document.forms[document.forms.length - 1])).toString()"
    )
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Referer": page.url}
    page.request.post("/settings/api/new/", data=twice, headers=headers)
    page.get_by_role("button", name="Create", exact=True).click()
    page.get_by_role("heading", name="This key was already created").wait_for()


def _failed_login(page, scene):
    page.goto("/accounts/login/")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("alert").wait_for()


def _saved(page, scene):
    for typed in ("", "0.0.0.0/0\n10.0.0.1/8"):  # the previous visit may have saved the same list
        page.goto(scene.path("Staging"))
        page.get_by_label("Allowed IP addresses", exact=True).fill(typed)
        with page.expect_navigation():
            page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("was saved as").wait_for()


def _checked(page, scene):
    page.goto(scene.path("Mobile app"))
    page.get_by_label("Allowed IP addresses", exact=True).fill("198.51.100.0/24")
    page.get_by_role("button", name="Check", exact=True).click()
    page.get_by_text("came from addresses that this list refuses").wait_for()


def _found(selector):
    def visit(page, scene):
        page.goto("/admin/apikeys/apikey/?q=Production")
        page.locator(selector).first.click()
        page.get_by_role("heading", name="Change API key").wait_for()

    return visit


def _asked(page, scene):
    page.goto("/admin/apikeys/apikey/?q=Robot 1")
    for box in page.locator("input.action-select").all()[:3]:
        box.check()
    page.get_by_label("Action:").select_option("revoke_selected")
    page.get_by_role("button", name="Go").click()
    page.get_by_role("heading", name="Revoke 3 keys?").wait_for()


def _history(page, scene):
    page.goto("/admin/auth/group/add/")
    page.get_by_label("Name").fill(f"Support {uuid4()}")
    page.get_by_role("button", name="Save and continue editing").click()
    page.get_by_role("link", name="History").click()
    page.get_by_role("cell", name="Added.").wait_for()


def _user(page, scene):
    page.goto(f"/admin/auth/user/?q={scene.member.username}")
    page.locator("#result_list tbody th a").first.click()
    page.get_by_role("heading", name="Change user").wait_for()


def at(path, name=None):
    """Return a function that visits ``path``, or the page ``path`` of the key called ``name``."""

    def visit(page, scene):
        page.goto(scene.path(name, path) if name else path)

    return visit


def guarded(path):
    """Return a function that visits ``path`` as the member with two-factor authentication."""

    def visit(page, scene):
        page.context.clear_cookies()
        page.context.add_cookies([scene.guarded.cookie(scene.url)])
        page.goto(path)

    return visit


def _asked_for_code(page, scene):
    page.goto("/accounts/login/")
    page.get_by_label("Username or email").fill(scene.guarded.username)
    page.get_by_label("Password").fill(scene.guarded.password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Enter your code").wait_for()


def _reported(page, scene):
    page.goto("/report-key/")
    page.get_by_label("Leaked key").fill("Not a key")
    page.get_by_role("button", name="Report").click()
    page.get_by_role("heading", name="Thanks for your report").wait_for()


ANYONE = {
    "login": at("/accounts/login/"),
    "login refused": _failed_login,
    "password reset": at("/accounts/password/reset/"),
    "password reset, sent": at("/accounts/password/reset/done/"),
    "password reset, expired": at("/accounts/password/reset/key/1-expired-link/"),
    "password reset, done": at("/accounts/password/reset/key/done/"),
    "sign-up closed": at("/accounts/signup/"),
    "address to confirm": at("/accounts/confirm-email/"),
    "address, expired": at("/accounts/confirm-email/expired/"),
    "account closed": at("/accounts/inactive/"),
    "code": _asked_for_code,
    "reference": at("/docs/"),
    "report a key": at("/report-key/"),
    "report a key, done": _reported,
}
MEMBERS = {
    "notifications": at("/settings/notifications/"),
    "list": at("/settings/api/"),
    "list, second page": at("/settings/api/?page=2"),
    "list, nothing found": at("/settings/api/?q=zzz"),
    "generate": at("/settings/api/new/"),
    "generate, mistaken": _mistaken,
    "reveal": lambda page, scene: create(page),
    "already created": _already,
    "key": at("", "Production API"),
    "key, long name": at("", LONG),
    "key, turned name": at("", TURNED),
    "key, revoked": at("", "Leaked key"),
    "key, expired": at("", "Old importer"),
    "key, saved": _saved,
    "key, checked": _checked,
    "key, rotating": at("", "Mobile app"),
    "key, replacing": at("", "Mobile app, new"),
    "activity": at("/settings/api/activity/"),
    "activity of a key": lambda page, scene: page.goto(
        f"/settings/api/activity/?key={scene.ids['Mobile app']}"
    ),
    "finish": at("rotate/finish/", "Mobile app"),
    "cancel": at("rotate/cancel/", "Mobile app, new"),
    "revoke": at("revoke/", "Production API"),
    "revoke, long name": at("revoke/", LONG),
    "revoke, made keys": at("revoke/", "Provisioner"),
    "revoke, only made keys": at("revoke/", "Leaked key"),
    "rotate": at("rotate/", "Production API"),
    "rotate refused": at("rotate/", "Leaked key"),
    "email": at("/accounts/email/"),
    "password": at("/accounts/password/change/"),
    "confirm access": at("/accounts/reauthenticate/"),
    "two-factor": at("/accounts/2fa/"),
    "authenticator app": at("/accounts/2fa/totp/activate/"),
    "passkey": at("/accounts/2fa/webauthn/add/"),
    "passkeys": at("/accounts/2fa/webauthn/"),
    "sessions": at("/accounts/sessions/"),
    "sign out": at("/accounts/logout/"),
    "reference, signed in": at("/docs/"),
    # Last: these change who is signed in.
    "two-factor, on": guarded("/accounts/2fa/"),
    "authenticator app, off": guarded("/accounts/2fa/totp/deactivate/"),
    "recovery codes": guarded("/accounts/2fa/recovery-codes/"),
    "recovery codes, new": guarded("/accounts/2fa/recovery-codes/generate/"),
    "confirm access by code": guarded("/accounts/2fa/reauthenticate/"),
    "emails": guarded("/accounts/email/"),
}
OPERATORS = {
    "admin": at("/admin/"),
    "admin, keys": at("/admin/apikeys/apikey/"),
    "admin, key": _found("#result_list tbody th a"),
    "admin, keys asked": _asked,
    "admin, audit log": at("/admin/apikeys/keyevent/"),
    "admin, user": _user,
    "admin, users": at("/admin/auth/user/"),
    "admin, new user": at("/admin/auth/user/add/"),
    "admin, new group": at("/admin/auth/group/add/"),
    "admin, chatbots": at("/admin/chatbots/chatbot/"),
    "admin, history": _history,
}
