"""Each variable is documented, and an invalid value gets a one-sentence error."""

import ast
import os
import sqlite3
import stat
from contextlib import closing

import pytest
from django.conf import settings
from django.core.cache import BaseCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from django.core.exceptions import ImproperlyConfigured

from apikeys.core.rates import Rate
from testing.commands import manage
from testing.server import ROOT
from wizchat.environment import Environment


def variables():
    """Return the name of each variable that the settings and the server's configuration read."""
    names = set()
    for path in (ROOT / "wizchat" / "settings.py", ROOT / "gunicorn.conf.py"):
        for node in ast.walk(ast.parse(path.read_text())) if path.exists() else []:
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith(("env.", "os.environ.")):
                names |= {word.value for word in node.args[:1] if isinstance(word, ast.Constant)}
    return sorted(names)


@pytest.fixture
def environment(tmp_path, monkeypatch):
    """Return a function that reads variables as the settings would."""

    def environment(**values):
        for name, value in values.items():
            monkeypatch.setenv(name, value)
        return Environment(tmp_path)

    return environment


def test_the_variables_are_found():
    assert {"SECRET_KEY", "DATABASE_URL", "TRUSTED_PROXIES"} <= set(variables())


@pytest.mark.parametrize("name", variables())
def test_a_variable_is_in_the_example_and_in_the_readme(name):
    assert f"\n{name}=" in "\n" + (ROOT / ".env.example").read_text()
    assert f"`{name}`" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTPS_ONLY", "ture"),
        ("AUTH_FAILURES_PER_MINUTE", "0"),
        ("AUTH_FAILURES_PER_MINUTE", "many"),
        ("TRUSTED_PROXIES", "10.0.0.1/8"),
        ("TRUSTED_PROXIES", "proxy.example.com"),
        ("DATABASE_URL", "mysql://user:pa55word@host/name"),
        ("DATABASE_URL", "postgres://user:pa55word@host:port/name"),
        ("DATABASE_URL", "postgres://user:pa55word@host"),
        ("DATABASE_URL", "pa55word"),
        ("CACHE_URL", "memcache://user:pa55word@host"),
        ("CACHE_URL", "redis://:pa55word@host:port"),
        ("ALLOWED_HOSTS", "https://wizchat.example.com"),
        ("EMAIL_URL", "smtp://"),
        ("EMAIL_URL", "pigeon://user:pa55word@host"),
        ("DATABASE_TIMEOUT", "-1"),
        ("DATABASE_TIMEOUT", "86401"),
        ("RATE_LIMIT", "0/minute"),
        ("RATE_LIMIT", "6000"),
        ("RATE_LIMIT", "6000/fortnight"),
        ("SITE_URL", "wizchat.example.com"),
        ("SITE_URL", "ftp://wizchat.example.com"),
        ("SITE_URL", "https://user:pa55word@wizchat.example.com"),
        ("DEFAULT_FROM_EMAIL", "WizChat"),
        ("REAUTHENTICATION_TIMEOUT", "0"),
        ("LEAK_ACTION", "ignore"),
        ("GITHUB_KEYS_URL", "http://api.github.com/meta"),
        ("DATABASE_POOLER", "session"),
        ("SECRET_KEY", ""),
    ],
)
def test_an_invalid_value_gets_one_sentence_that_names_the_variable(name, value):
    done = manage("check", **{name: value})

    assert done.returncode == 1
    assert name in done.stderr
    assert done.stderr.count("\n") == 1
    assert "pa55word" not in done.stderr


@pytest.mark.parametrize(
    ("value", "is_on"), [("on", True), ("True", True), ("1", True), ("OFF", False), ("no", False)]
)
def test_on_and_off_have_many_spellings(environment, value, is_on):
    assert environment(SWITCH=value).flag("SWITCH", default=not is_on) is is_on


def test_an_empty_value_counts_as_unset(environment):
    env = environment(SWITCH="", COUNT="", NETWORKS=" ", DATABASE="")

    assert env.flag("SWITCH", default=True) is True
    assert env.number("COUNT", default=7, least=1) == 7
    assert env.networks("NETWORKS") == ()
    assert env.database("DATABASE", default="sqlite://:memory:", statement_seconds=1)["NAME"] == ":memory:"


@pytest.mark.parametrize("value", ["0", "1000000000", "10000", "9" * 5000, "1.5", "٣", "many"])
def test_the_error_for_a_number_names_both_limits(environment, value):
    with pytest.raises(ImproperlyConfigured, match=r"is not a whole number from 1 to 9999\.$"):
        environment(COUNT=value).number("COUNT", default=7, least=1, most=9999)


def test_the_largest_number_that_the_error_names_is_accepted(environment):
    env = environment(COUNT="999999999", MORE="1000000000")

    assert env.number("COUNT", default=7, least=1) == 999_999_999
    with pytest.raises(ImproperlyConfigured, match="from 1 to 999999999"):
        env.number("MORE", default=7, least=1)


@pytest.mark.parametrize(
    ("text", "rate"), [("", Rate(6000, 60)), ("5/second", Rate(5, 1)), ("off", None), ("OFF", None)]
)
def test_a_rate_limit_is_a_number_for_a_unit_of_time_or_off(environment, text, rate):
    assert environment(RATE=text).rate("RATE", default="6000/minute") == rate


@pytest.mark.parametrize(
    ("hosts", "url"),
    [
        (["api.example.com", "example.org"], "https://api.example.com"),
        ([".example.com"], "https://example.com"),
        (["*"], "https://localhost"),
        (["[::1]"], "https://[::1]"),
        ([], "https://localhost"),
    ],
)
def test_links_start_with_the_first_host_by_default(environment, hosts, url):
    assert environment(SITE="").site_url("SITE", hosts=hosts) == url
    assert environment(SITE="http://127.0.0.1:8000/").site_url("SITE", hosts=hosts) == "http://127.0.0.1:8000"


@pytest.mark.parametrize(
    "url",
    [
        "//example.com",
        "https://",
        "https:///",
        "https://example.com/app",
        "https://example.com?",
        "https://example.com/#",
        "https://@example.com",
        "https://exa mple.com",
        "https://example.com:port",
        "https://example.com:0",
        "https://example.com:99999",
        "https://exam\tple.com",
        "https://[::1",
        "javascript:alert(1)",
    ],
)
def test_links_start_with_only_a_scheme_and_a_host(environment, url):
    with pytest.raises(ImproperlyConfigured, match="SITE is not the URL of a site"):
        environment(SITE=url).site_url("SITE", hosts=[])


@pytest.mark.parametrize("url", ["https://api.github.com/meta/keys", "file:///etc/wizchat/keys.json"])
def test_public_keys_come_over_https_or_from_a_file(environment, url):
    assert environment(KEYS=url).document_url("KEYS", default="https://example.com") == url


@pytest.mark.parametrize(
    "url",
    ["http://example.com/keys", "file://host/keys", "file:keys", "keys.json", "https://u:p@example.com/keys"],
)
def test_public_keys_come_from_nowhere_else(environment, url):
    with pytest.raises(ImproperlyConfigured, match="KEYS is not a URL such as https"):
        environment(KEYS=url).document_url("KEYS", default="https://example.com")


@pytest.mark.parametrize("value", ["no-reply@localhost", "WizChat <no-reply@example.com>"])
def test_emails_come_from_an_email_address(environment, value):
    assert environment(SENDER=value).sender("SENDER", default="a@b.example") == value


@pytest.mark.parametrize("value", ["WizChat", "WizChat <>", "a@b.example, c@d.example", "a b@c.example"])
def test_emails_come_from_only_one_sender(environment, value):
    with pytest.raises(ImproperlyConfigured, match=r"SENDER: .* is not an email address"):
        environment(SENDER=value).sender("SENDER", default="a@b.example")


def test_the_password_is_asked_for_again_when_reauthentication_says():
    assert settings.REAUTHENTICATION_TIMEOUT == settings.ACCOUNT_REAUTHENTICATION_TIMEOUT == 900


def test_a_relative_path_is_the_same_file_from_any_folder(environment, tmp_path):
    database = environment(DATABASE="sqlite:///var/a.sqlite3").database(
        "DATABASE", default="", statement_seconds=1
    )

    assert database["NAME"] == str(tmp_path / "var" / "a.sqlite3")
    assert (tmp_path / "var").is_dir()


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def write_to_sqlite(environment, path):
    """Write to the database at ``path``; return the connection, without which the log would be deleted."""
    config = environment(DATABASE=f"sqlite:///{path}").database("DATABASE", default="", statement_seconds=1)
    connection = sqlite3.connect(config["NAME"])
    connection.executescript("PRAGMA journal_mode=WAL; CREATE TABLE IF NOT EXISTS secret (text)")
    return connection


def test_no_other_user_can_read_a_new_database_or_its_log(environment, tmp_path):
    before = os.umask(0)
    try:
        connection = write_to_sqlite(environment, "var/new.sqlite3")
    finally:
        os.umask(before)

    with closing(connection):
        assert mode(tmp_path / "var") == 0o700
        for name in ("new.sqlite3", "new.sqlite3-wal", "new.sqlite3-shm"):
            assert mode(tmp_path / "var" / name) == 0o600, name


def test_a_database_that_others_could_read_is_made_private(environment, tmp_path):
    folder = tmp_path / "var"
    folder.mkdir()
    with closing(write_to_sqlite(environment, "var/old.sqlite3")):
        for path in [folder, *folder.iterdir()]:
            path.chmod(0o755 if path.is_dir() else 0o644)

        with closing(write_to_sqlite(environment, "var/old.sqlite3")):
            assert mode(folder) == 0o700
            assert {mode(path) for path in folder.iterdir()} == {0o600}
            assert len(list(folder.iterdir())) == 3


def test_a_folder_that_is_not_its_own_keeps_its_mode(environment, tmp_path):
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o755)

    write_to_sqlite(environment, f"{folder}/db.sqlite3").close()

    assert mode(folder) == 0o755
    assert mode(folder / "db.sqlite3") == 0o600


def test_postgresql_has_timeouts_and_prepared_statements_and_the_url_takes_precedence(environment):
    database = environment(DATABASE="postgres://u:p@h:6543/n?sslmode=require&connect_timeout=9").database(
        "DATABASE", default="", statement_seconds=15
    )

    options = database["OPTIONS"]
    assert (database["HOST"], database["PORT"], database["NAME"]) == ("h", 6543, "n")
    assert database["CONN_MAX_AGE"] > 0
    assert database["CONN_HEALTH_CHECKS"] is True
    assert (options["sslmode"], options["connect_timeout"]) == ("require", 9)
    assert "statement_timeout=15s" in options["options"]
    assert options["server_side_binding"] is True
    assert options["prepare_threshold"] is not None


def test_wizchat_waits_a_little_longer_for_postgresql_than_the_statement_timeout(environment):
    env = environment(DATABASE="postgres://u:p@h/n", TOLD="postgres://u:p@h/n?patience=60")

    assert env.database("DATABASE", default="", statement_seconds=15)["OPTIONS"]["patience"] == 17
    assert env.database("TOLD", default="", statement_seconds=15)["OPTIONS"]["patience"] == 60


def test_a_command_waits_for_postgresql_without_a_limit(environment):
    options = environment(DATABASE="postgres://u:p@h/n").database(
        "DATABASE", default="", statement_seconds=0
    )["OPTIONS"]

    assert "statement_timeout=0s" in options["options"]
    assert options["patience"] is None


def test_a_transaction_pooler_gets_no_session_state(environment):
    database = environment(DATABASE="postgres://u:p@h/n").database(
        "DATABASE", default="", statement_seconds=15, pooler="transaction"
    )

    options = database["OPTIONS"]
    assert "options" not in options
    assert options["prepare_threshold"] is None
    assert database["DISABLE_SERVER_SIDE_CURSORS"] is True
    assert (options["patience"], options["cancels"]) == (17, True)


def test_requests_do_not_wait_long_for_redis(environment):
    cache = environment(CACHE="rediss://:p@h:6380/2").cache("CACHE", default="")

    assert cache["LOCATION"] == "rediss://:p@h:6380/2"
    assert cache["OPTIONS"]["socket_timeout"] <= 0.25
    assert cache["OPTIONS"]["socket_connect_timeout"] <= 0.25


@pytest.mark.parametrize(
    "url",
    ["redis://h", "redis://:p%40ss@[::1]:6379/0", "rediss://u:p@h:1/15?socket_timeout=2", "unix:///s?db=1"],
)
def test_a_cache_is_at_a_host_or_a_socket(environment, url):
    assert environment(CACHE=url).cache("CACHE", default="")["LOCATION"] == url


@pytest.mark.parametrize(
    "url",
    [
        "redis://",
        "redis://:notaport",
        "redis:///0",
        "redis://:pa55word@/0",
        "redis://host:99999/x",
        "redis://host:6379/x",
        "redis://host:0",
        "redis://ho st",
        "redis://host?socket_timeout=soon",
        "redis://[::1",
        "unix://",
        "unix:///",
        "host:6379",
    ],
)
def test_an_invalid_cache_url_is_refused_and_not_shown(environment, url):
    with pytest.raises(ImproperlyConfigured, match=r"^CACHE is not the URL of a cache") as refused:
        environment(CACHE=url).cache("CACHE", default="")

    assert "pa55word" not in str(refused.value)


@pytest.mark.parametrize(
    "text", ["api.example.com, .example.org", "*", "127.0.0.1,[::1]", "localhost", "API.example.com", ""]
)
def test_hosts_are_names_or_addresses(environment, text):
    assert environment(HOSTS=text).hosts("HOSTS") == [word.strip() for word in text.split(",") if word]


@pytest.mark.parametrize(
    "host",
    [
        "http://a.example",
        "a.example:8000",
        "a.example/x",
        "a b",
        "*.example.com",
        "::1",
        "..",
        "a_b",
        "bücher.example",
    ],
)
def test_an_invalid_host_name_is_refused_and_its_variable_named(environment, host):
    with pytest.raises(ImproperlyConfigured, match=r"^HOSTS: .* is not a host name"):
        environment(HOSTS=f"ok.example, {host}").hosts("HOSTS")


@pytest.mark.parametrize(
    "url", ["smtp://", "smtp+tls://", "smtps://:25", "smtp+ssl://u:pa55word@", "smtp://host:port", "host"]
)
def test_a_mail_server_without_a_host_is_refused(environment, url):
    with pytest.raises(ImproperlyConfigured, match=r"^EMAIL is not the URL of a mail server") as refused:
        environment(EMAIL=url).email("EMAIL", default="")

    assert "pa55word" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["smtp://localhost", "smtp+tls://u:p@h:587", "consolemail://", "memorymail://"]
)
def test_emails_go_to_a_server_or_stay_local(environment, url):
    assert environment(EMAIL=url).email("EMAIL", default="")["EMAIL_HOST"] in {"localhost", "h", "", None}


def test_a_network_with_host_bits_is_refused(environment):
    with pytest.raises(ImproperlyConfigured, match="host bits"):
        environment(NETWORKS="10.0.0.0/8, 192.168.1.1/16").networks("NETWORKS")


@pytest.mark.parametrize("backend", [LocMemCache, RedisCache])
def test_no_cache_that_can_be_configured_has_anything_to_close(backend):
    """The application no longer closes caches after each request (wizchat/wsgi.py)."""
    assert backend.close is BaseCache.close
