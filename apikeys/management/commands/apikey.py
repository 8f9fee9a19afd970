"""``manage.py apikey create|list|show|rotate|revoke|whose``: keys for operators."""

from __future__ import annotations

import json
import re
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from apikeys import hasher
from apikeys.api.serializers import KeySerializer
from apikeys.core import keyformat, names, networks
from apikeys.core.keyformat import bare_id
from apikeys.core.times import length
from apikeys.models import (
    DEFAULT_OVERLAP,
    LONGEST_LIFETIME,
    LONGEST_OVERLAP,
    PERMISSION_NAMES,
    AlreadyRotated,
    APIKey,
    KeyEnded,
    Permission,
)
from apikeys.usage import reports

MAX_LINE = 1000
UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Command(BaseCommand):
    help = "Create, list, show, rotate and revoke API keys, and find a key's owner."

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(
            dest="command", required=True, metavar="create | list | show | rotate | revoke | whose"
        )
        add_create(commands.add_parser("create", help="print a new key, alone, on standard output"))
        listing = commands.add_parser("list", help="list keys, one per line, without their secrets")
        listing.add_argument("--owner", metavar="USERNAME", type=text)
        listing.add_argument("--json", action="store_true", dest="as_json")
        show = commands.add_parser("show", help="show a key's state, use and addresses")
        show.add_argument("key_id", metavar="ID", type=text)
        show.add_argument("--json", action="store_true", dest="as_json")
        add_rotate(commands.add_parser("rotate", help="print a key's replacement, alone, on standard output"))
        commands.add_parser("whose", help="read a key from standard input and name its owner")
        add_revoke(commands.add_parser("revoke", help="revoke a key, or all keys created before a time"))

    def handle(self, *args: Any, command: str, **options: Any) -> None:
        getattr(self, command)(now=timezone.now(), **options)

    def create(
        self,
        *,
        now: datetime,
        owner: str,
        name: str,
        permission: list[str],
        allow_ip: list[networks.IPNetwork],
        expires_in: timedelta | None,
        **options: Any,
    ) -> None:
        if len(allow_ip) > networks.MAX_NETWORKS:
            raise CommandError(f"At most {networks.MAX_NETWORKS:,} addresses are allowed.")
        key, raw = APIKey.objects.issue(
            owner=user_named(owner),
            by=None,
            name=name,
            permissions=Permission.of(permission),
            allowed_networks=networks.canonical(dict.fromkeys(allow_ip)),
            expires_at=now + expires_in if expires_in else None,
            now=now,
        )
        self.stderr.write(f"Created {key.masked} for {owner}. The key is shown only once:", ending="\n")
        self.stdout.write(raw)

    def list(self, *, now: datetime, owner: str | None, as_json: bool, **options: Any) -> None:
        keys = APIKey.objects.with_rotations().select_related("owner", "created_by_key")
        if owner is not None:
            keys = keys.owned_by(user_named(owner))
        if as_json:
            calls = reports.calls_in_last_24_hours(keys, now)
            self.stdout.write(json.dumps([facts(key, now, calls[key.pk]) for key in keys]))
            return
        rows = [row(key, now) for key in keys]
        self.stderr.write(f"{len(rows)} {'key' if len(rows) == 1 else 'keys'}")
        if rows:
            for line in columns([HEADINGS, *rows]):
                self.stdout.write(line)

    def show(self, *, now: datetime, key_id: str, as_json: bool, **options: Any) -> None:
        key = key_named(key_id)
        shown = facts(key, now, reports.calls_in_last_24_hours([key], now)[key.pk])
        if as_json:
            self.stdout.write(json.dumps(shown))
            return
        for name, value in shown.items():
            values = value if isinstance(value, list) else [value]
            readable = ", ".join(printable(str(one)) for one in values if one is not None)
            self.stdout.write(f"{name}: {readable or '-'}")

    def rotate(self, *, now: datetime, key_id: str, overlap: timedelta, **options: Any) -> None:
        key = key_named(key_id)
        try:
            successor, raw = key.rotate(by=None, now=now, overlap=overlap)
        except AlreadyRotated as already:
            raise CommandError(
                f"{key.masked} was already rotated, to {already.successor.masked}."
            ) from already
        except KeyEnded as ended:
            raise CommandError(f"{key.masked} is revoked or expired and can't be rotated.") from ended
        self.stderr.write(f"Rotated {key.masked} to {successor.masked}. The key is shown only once:")
        self.stdout.write(raw)

    def whose(self, *, now: datetime, **options: Any) -> None:
        """Read the key from standard input, because other processes can see arguments."""
        try:
            raw = sys.stdin.readline(MAX_LINE).strip()
            key = key_named(keyformat.parse(raw).key_id)
        except (UnicodeDecodeError, keyformat.Malformed) as malformed:
            raise CommandError("There is no API key on standard input.") from malformed
        if not (hasher.has_checksum(raw, key.checksum) and hasher.HASHER.verify(key.key_hash, raw)):
            raise CommandError(f"The id belongs to {key.masked}, but the secret is wrong.")
        self.stdout.write(f"{key.key_id}  {printable(key.owner.get_username())}  {key.state(now)}")

    def revoke(
        self, *, now: datetime, key_id: str | None, all_created_before: datetime | None, **options: Any
    ) -> None:
        if key_id is None:
            stopped = APIKey.objects.filter(created_at__lt=all_created_before).revoke(by=None, now=now)
            self.stderr.write(f"Revoked {stopped:,} {'key' if stopped == 1 else 'keys'}.")
            return
        key = key_named(key_id)
        if key.revoke(by=None, now=now):
            self.stderr.write(f"Revoked {key.masked} “{printable(key.name)}”.")
        else:
            self.stderr.write(f"{key.masked} was already revoked, on {moment(key.revoked_at)}.")


HEADINGS = ["ID", "OWNER", "STATUS", "PERMISSIONS", "ADDRESSES", "LAST USED", "EXPIRES", "NAME"]


def add_create(parser: ArgumentParser) -> None:
    parser.add_argument("--owner", required=True, metavar="USERNAME", type=text)
    parser.add_argument("--name", required=True, type=key_name)
    parser.add_argument(
        "--permission",
        required=True,
        action="append",
        choices=PERMISSION_NAMES,
    )
    parser.add_argument(
        "--allow-ip",
        action="extend",
        default=[],
        metavar="CIDR",
        type=network_list,
        help="IP addresses or ranges to allow (default: any), separated by commas or spaces; can be repeated",
    )
    parser.add_argument(
        "--expires-in", metavar="90d", type=duration, help="such as 12h, 90d or 8w (default: never)"
    )


def add_rotate(parser: ArgumentParser) -> None:
    parser.add_argument("key_id", metavar="ID", type=text)
    parser.add_argument(
        "--overlap",
        metavar="24h",
        type=overlap,
        default=DEFAULT_OVERLAP,
        help=f"how long the old key still works (default: {length(DEFAULT_OVERLAP)}); 0 stops it immediately",
    )


def add_revoke(parser: ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("key_id", metavar="ID", type=text, nargs="?")
    which.add_argument(
        "--all-created-before",
        metavar="TIME",
        type=point_in_time,
        help="all keys created before a time such as 2026-01-31T12:00 (UTC, or with +01:00)",
    )


def key_named(key_id: str) -> APIKey:
    keys = APIKey.objects.with_rotations().select_related("owner", "created_by_key")
    key = keys.filter(key_id=bare_id(key_id)).first()
    if key is None:
        raise CommandError(f'There is no key with the id "{bare_id(key_id)[:80]}".')
    return key


def facts(key: APIKey, now: datetime, calls: int) -> dict[str, Any]:
    """Return what the API shows of ``key``, plus its owner and its ``calls`` in the last 24 hours."""
    shown = KeySerializer(key, context={"now": now}).data
    return {**shown, "owner": key.owner.get_username(), "calls_24h": calls}


def row(key: APIKey, now: datetime) -> list[str]:
    return [
        key.key_id,
        key.owner.get_username(),
        key.state(now),
        ",".join(key.granted.names),
        str(len(key.networks)) if key.networks else "any",
        moment(key.last_used_at),
        moment(key.expires_at),
        printable(key.name),
    ]


def columns(rows: list[list[str]]) -> Iterable[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for cells in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def moment(value: datetime | None) -> str:
    return f"{value:%Y-%m-%d %H:%M}" if value else "never"


def printable(value: str) -> str:
    """Return ``value`` without characters that would move a terminal's cursor."""
    return "".join(character if character.isprintable() else "?" for character in value)


def user_named(username: str) -> User:
    try:
        return User.objects.get_by_natural_key(username)
    except User.DoesNotExist as error:
        raise CommandError(f'There is no user "{username[:150]}".') from error


def text(value: str) -> str:
    """Return ``value``; raise ``ArgumentTypeError`` if the shell passed bytes that aren't UTF-8."""
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ArgumentTypeError("this is not valid UTF-8") from error
    return value


def key_name(value: str) -> str:
    try:
        return names.clean(text(value))
    except names.InvalidName as error:
        raise ArgumentTypeError(str(error)) from error


def network_list(value: str) -> list[networks.IPNetwork]:
    """Return at least one network: the empty value of an unset variable must not allow any address."""
    listed = [entry for _, entry in networks.entries(value)] or [value]
    try:
        return [networks.parse_network(entry) for entry in listed]
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error


def point_in_time(value: str) -> datetime:
    try:
        point = datetime.fromisoformat(text(value))
        return point.astimezone(UTC) if point.tzinfo else point.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise ArgumentTypeError(f'"{value}" is not a time such as 2026-01-31T12:00') from error


def overlap(value: str) -> timedelta:
    """Return how long the old key keeps working: up to ``LONGEST_OVERLAP``; "0" stops it at once."""
    chosen = timedelta(0) if value == "0" else duration(value)
    if chosen > LONGEST_OVERLAP:
        raise ArgumentTypeError(f'"{value}" is over {length(LONGEST_OVERLAP)}')
    return chosen


def duration(value: str) -> timedelta:
    match = re.fullmatch(r"([1-9][0-9]{0,6})([mhdw])", value, re.ASCII)
    if match is None:
        raise ArgumentTypeError(f'"{value}" is not a duration such as 12h, 90d or 8w')
    chosen = timedelta(**{UNITS[match[2]]: int(match[1])})
    if chosen > LONGEST_LIFETIME:
        days = f"{LONGEST_LIFETIME.days:,} days"
        raise ArgumentTypeError(f'"{value}" is over {days}; leave it out for a key that never expires')
    return chosen
