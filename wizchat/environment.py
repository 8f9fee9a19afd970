"""Reads settings from the environment, and explains in a sentence why one is invalid.

Never repeats a URL, because it may contain a password.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from email.utils import getaddresses
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.validators import validate_email
from redis.backoff import NoBackoff
from redis.connection import parse_url as parse_redis_url
from redis.exceptions import ConnectionError
from redis.retry import Retry

from apikeys.core.rates import InvalidRate, Rate, parse_rate

YES = {"1", "on", "true", "yes", "y"}
NO = {"0", "off", "false", "no", "n"}
SQLITE = "django.db.backends.sqlite3"
POSTGRESQL = "django.db.backends.postgresql"
OUR_POSTGRESQL = "wizchat.postgresql"
HOST = re.compile(r"\.?[a-z0-9-]+(\.[a-z0-9-]+)*|\[[0-9a-f:.]+\]", re.ASCII | re.IGNORECASE)
LOCAL_MEMORY = "django.core.cache.backends.locmem.LocMemCache"
CONNECTION_SECONDS = 600
"""How many seconds a thread keeps its connection to the database."""
CACHE_SECONDS = 0.25
"""How many seconds a request waits for the cache, which takes under a millisecond on the same network."""
GRACE_SECONDS = 2
"""Extra seconds to wait for a statement's result, so that a live server reports the timeout itself."""


class Environment:
    """Environment variables by name, or from ``.env``; raises ``ImproperlyConfigured`` for invalid values."""

    def __init__(self, base: Path) -> None:
        self._base = base
        self._env = environ.Env()
        self._env.read_env(base / ".env")

    def text(self, name: str, *, default: str = "") -> str:
        """Return the value; an empty one counts as unset."""
        return str(self._env.str(name, default="")).strip() or default

    def words(self, name: str) -> list[str]:
        """Return the comma-separated words."""
        return [word.strip() for word in self.text(name).split(",") if word.strip()]

    def flag(self, name: str, *, default: bool) -> bool:
        """Return on or off; raise for anything else, so that a typo can't turn off a protection."""
        value = self.text(name, default="on" if default else "off").lower()
        if value not in YES | NO:
            raise ImproperlyConfigured(f"{name}: “{value}” is not a valid value. Use on or off.")
        return value in YES

    def number(self, name: str, *, default: int, least: int, most: int = 999_999_999) -> int:
        value = self.text(name, default=str(default))
        is_whole = value.isascii() and value.isdigit() and len(value) <= len(str(most))
        if not (is_whole and least <= int(value) <= most):
            raise ImproperlyConfigured(f"{name}: “{value}” is not a whole number from {least} to {most}.")
        return int(value)

    def choice(self, name: str, *, default: str, choices: tuple[str, ...]) -> str:
        """Return one of ``choices``, in lower case."""
        value = self.text(name, default=default).lower()
        if value not in choices:
            raise ImproperlyConfigured(
                f"{name}: “{value}” is not a valid value. Use one of: {', '.join(choices)}."
            )
        return value

    def rate(self, name: str, *, default: str) -> Rate | None:
        """Return a rate limit, or ``None`` if it is off."""
        try:
            return parse_rate(self.text(name, default=default))
        except InvalidRate as error:
            raise ImproperlyConfigured(f"{name}: {error}") from None

    def hosts(self, name: str) -> list[str]:
        """Return host names; ``.example.com`` includes all subdomains, ``*`` is any host."""
        hosts = self.words(name)
        for host in hosts:
            if host != "*" and not HOST.fullmatch(host):
                raise ImproperlyConfigured(
                    f"{name}: “{host}” is not a host name. "
                    "Write it without scheme, port and path, such as wizchat.example.com."
                )
        return hosts

    def site_url(self, name: str, *, hosts: list[str]) -> str:
        """Return the site's URL without a trailing slash; by default on the first of ``hosts``."""
        host = hosts[0].lstrip(".") if hosts and hosts[0] != "*" else "localhost"
        url = self.text(name, default=f"https://{host}")
        parts = _split(url)
        is_bare = parts and parts.path in {"", "/"} and not {"?", "#"} & set(url)
        if not (is_bare and parts and parts.scheme in {"http", "https"} and _names_a_host(parts)):
            raise ImproperlyConfigured(
                f"{name} is not the URL of a site. Use http:// or https://, a host name and, if needed, "
                "a port, such as https://wizchat.example.com."
            )
        return url.rstrip("/")

    def document_url(self, name: str, *, default: str) -> str:
        """Return the https or file URL of a document."""
        url = self.text(name, default=default)
        parts = _split(url)
        if not parts or not (
            (parts.scheme == "https" and _names_a_host(parts))
            or (parts.scheme == "file" and not parts.netloc and parts.path.startswith("/"))
        ):
            raise ImproperlyConfigured(f"{name} is not a URL such as https://HOST/… or file:///path/to/file.")
        return url

    def sender(self, name: str, *, default: str) -> str:
        """Return the sender of emails: an email address, with or without a name."""
        value = self.text(name, default=default)
        try:
            ((_, address),) = getaddresses([value])
            validate_email(address)
        except (ValidationError, ValueError):
            raise ImproperlyConfigured(
                f"{name}: “{value}” is not an email address such as WizChat <no-reply@example.com>."
            ) from None
        return value

    def networks(self, name: str) -> tuple[IPv4Network | IPv6Network, ...]:
        try:
            return tuple(ip_network(word) for word in self.words(name))
        except ValueError as error:
            raise ImproperlyConfigured(
                f"{name}: {error}. Write addresses or CIDR ranges such as 10.0.0.0/8, separated by commas."
            ) from None

    def email(self, name: str, *, default: str) -> dict[str, Any]:
        url = self.text(name, default=default)
        config: dict[str, Any] = {}
        with suppress(ImproperlyConfigured, ValueError):
            config = self._env.email_url_config(url)
        if not config or (url.startswith("smtp") and not config["EMAIL_HOST"]):
            raise ImproperlyConfigured(
                f"{name} is not the URL of a mail server, such as smtp+tls://USER:PASSWORD@HOST:587."
            )
        return config

    def database(
        self, name: str, *, default: str, statement_seconds: int, pooler: str = "none"
    ) -> dict[str, Any]:
        """Return Django's settings for the database at a URL; 0 seconds mean no limit."""
        url = self.text(name, default=default)
        config: dict[str, Any] = {}
        if url.startswith(("postgres://", "postgresql://", "sqlite:///", "sqlite://:memory:")):
            with suppress(ValueError):
                config = self._env.db_url_config(url)
        config |= {"CONN_MAX_AGE": CONNECTION_SECONDS, "CONN_HEALTH_CHECKS": True}
        if config.get("ENGINE") == SQLITE and config["NAME"]:
            if config["NAME"] != ":memory:":
                path = self._base / config["NAME"]
                keep_private(path, own_folder=path.parent == self._base / "var")
                config["NAME"] = str(path)
            config["OPTIONS"] = sqlite_options() | config.get("OPTIONS", {})
        elif config.get("ENGINE") == POSTGRESQL and config["NAME"]:
            options = pooled_options() if pooler == "transaction" else direct_options(statement_seconds)
            config["OPTIONS"] = postgresql_options(statement_seconds) | options | config.get("OPTIONS", {})
            config["ENGINE"] = OUR_POSTGRESQL
            # A server-side cursor needs one session, but a pooler may switch sessions between transactions.
            config["DISABLE_SERVER_SIDE_CURSORS"] = pooler == "transaction"
        else:
            raise ImproperlyConfigured(
                f"{name} is not the URL of a database that WizChat supports. Use "
                "postgres://USER:PASSWORD@HOST:5432/NAME or sqlite:///path/to/file."
            )
        return config

    def cache(self, name: str, *, default: str, local: str = "default") -> dict[str, Any]:
        """Return Django's settings for the cache at a URL; ``local`` names one in this process."""
        url = self.text(name, default=default)
        if url.startswith("locmemcache://"):
            return local_cache(local)
        if not _leads_to_redis(url):
            raise ImproperlyConfigured(
                f"{name} is not the URL of a cache that WizChat supports. Use "
                "redis://HOST:6379/0, rediss:// (TLS), unix:///path/to/socket or locmemcache://."
            )
        return {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": url,
            "KEY_PREFIX": "wizchat",
            # Don't wait long for a cache that doesn't respond: retry after a lost connection, but not after
            # a timeout.
            "OPTIONS": {
                "socket_connect_timeout": CACHE_SECONDS,
                "socket_timeout": CACHE_SECONDS,
                "retry": Retry(NoBackoff(), 1, (ConnectionError,)),
            },
        }


def _split(url: str) -> SplitResult | None:
    """Return the parts of a URL, or ``None`` if it has a space or an invalid port."""
    if not url.isprintable() or " " in url:
        return None
    with suppress(ValueError):
        parts = urlsplit(url)
        if parts.port != 0:
            return parts
    return None


def _leads_to_redis(url: str) -> bool:
    """Return whether ``url`` has a host or a socket, and no invalid number, which redis-py reads as 0."""
    parts = _split(url)
    with suppress(ValueError):
        if parts is None:
            return False
        parse_redis_url(url)  # type: ignore[no-untyped-call]  # redis-py has no type for it
        if parts.scheme == "unix":
            return len(parts.path) > 1
        return bool(parts.hostname) and (not parts.path.strip("/") or parts.path.strip("/").isdecimal())
    return False


def _names_a_host(parts: SplitResult) -> bool:
    return bool(parts.hostname) and "@" not in parts.netloc


def keep_private(database: Path, *, own_folder: bool) -> None:
    """Make a SQLite file readable only by its owner; create it, and its folder if that is WizChat's own.

    SQLite creates the files of its write-ahead log with the database's mode.
    """
    if own_folder:
        database.parent.mkdir(mode=0o700, exist_ok=True)
    # If the file can't be created or changed, the code that opens it next will report that.
    with suppress(OSError):
        if own_folder:
            database.parent.chmod(0o700)
        os.close(os.open(database, os.O_RDWR | os.O_CREAT, 0o600))
    for suffix in ("", "-wal", "-shm"):
        with suppress(OSError):
            Path(f"{database}{suffix}").chmod(0o600)


def local_cache(location: str) -> dict[str, Any]:
    """Return a cache in this process, with room for the counters of many addresses."""
    return {"BACKEND": LOCAL_MEMORY, "LOCATION": location, "OPTIONS": {"MAX_ENTRIES": 50_000}}


def sqlite_options() -> dict[str, Any]:
    # With WAL, readers continue while one connection writes. IMMEDIATE takes the write lock at
    # BEGIN, where SQLite still waits for it instead of failing with "database is locked".
    return {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }


def postgresql_options(statement_seconds: int) -> dict[str, Any]:
    return {
        "patience": statement_seconds + GRACE_SECONDS if statement_seconds else None,
        "server_side_binding": True,  # parameters are sent separately from the statement
        # Notice a lost server in seconds, not only when TCP gives up.
        "connect_timeout": 3,
        "tcp_user_timeout": 10_000,
        "keepalives_idle": 30,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "application_name": "wizchat",
    }


def direct_options(statement_seconds: int) -> dict[str, Any]:
    return {
        "prepare_threshold": 2,  # prepares statements that run often
        "options": f"-c statement_timeout={statement_seconds}s -c idle_in_transaction_session_timeout=60s",
    }


def pooled_options() -> dict[str, Any]:
    # Session state would reach the next client, and PgBouncer refuses "options". The pooler sets the
    # timeouts (deploy/pgbouncer/pgbouncer.ini); without them, WizChat sends a cancel request.
    return {"prepare_threshold": None, "cancels": True}
