"""``make run``: prepares everything, says how to sign in, and becomes the production server."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from ipaddress import ip_address
from pathlib import Path

import environ

from scripts.dotenv import ensure_secret_key, keep_private

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    keep_secrets()
    set_environment()
    host = os.environ["HOST"]
    listener = listen(host, os.environ["PORT"])
    address = f"{in_url(host)}:{listener.getsockname()[1]}"
    set_site_url(address)
    prepare()
    say(f"\nWizChat is at http://{address}/  (Ctrl+C stops it)")
    say("Sign in as “demo” with the password that was shown when the account was created.")
    say("Forgot it? .venv/bin/python manage.py changepassword demo\n")
    if not is_loopback(host) and os.environ["HTTPS_ONLY"].lower() == "off":
        say("This serves plain HTTP to the network: keys and passwords can be intercepted.\n")
    start_worker()
    # The server inherits the socket, so that no other process can take the port in between, and a
    # client that reads the line above waits in the backlog instead of being refused.
    os.set_inheritable(listener.fileno(), True)
    gunicorn = [sys.executable, "-m", "wizchat.gunicorn", "--bind", f"fd://{listener.fileno()}"]
    os.execv(sys.executable, gunicorn)  # noqa: S606  # no shell is wanted


def keep_secrets() -> None:
    """Write a SECRET_KEY into ``.env`` unless there is one, and let no other user read secrets."""
    if not os.environ.get("SECRET_KEY"):
        os.environ.pop("SECRET_KEY", None)  # an empty variable would hide the file's value
        if ensure_secret_key(ROOT / ".env"):
            say("Wrote a random SECRET_KEY into .env.")
    if keep_private(ROOT / ".env"):
        say("Changed .env so that only you can read it: it holds secrets.")


def set_environment() -> None:
    """Let plain HTTP work where ``make run`` serves, unless the user's environment says otherwise.

    If only this machine can connect, this also overrides ``.env``; on a network, ``.env`` wins.
    """
    https_only, site_url = os.environ.get("HTTPS_ONLY"), os.environ.get("SITE_URL")
    environ.Env.read_env(ROOT / ".env")
    host = os.environ["HOST"] = os.environ.get("HOST") or "127.0.0.1"
    if not site_url and is_loopback(host):
        os.environ.pop("SITE_URL", None)
    os.environ["PORT"] = os.environ.get("PORT") or "8000"
    if not os.environ.get("HTTPS_ONLY") or (not https_only and is_loopback(host)):
        os.environ["HTTPS_ONLY"] = "off"
    hosts = {*os.environ.get("ALLOWED_HOSTS", "").split(","), "localhost", "127.0.0.1", "[::1]", in_url(host)}
    os.environ["ALLOWED_HOSTS"] = ",".join(sorted(hosts - {""}))


def set_site_url(address: str) -> None:
    """Point links in emails at the server at ``address``; the user's setting wins, as for HTTPS_ONLY."""
    if not os.environ.get("SITE_URL"):
        scheme = "http" if os.environ["HTTPS_ONLY"].lower() == "off" else "https"
        os.environ["SITE_URL"] = f"{scheme}://{address}"


def start_worker() -> None:
    """Start the worker in its own session; it ends with this process, which becomes the server."""
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    command = [sys.executable, "-m", "scripts.beside"]
    subprocess.Popen(command, cwd=ROOT, stdin=reading, start_new_session=True)  # noqa: S603  # our own words
    os.close(reading)


def in_url(host: str) -> str:
    """Return ``host`` as URLs and the Host header write it."""
    return f"[{host}]" if ":" in host else host


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def listen(host: str, port: str) -> socket.socket:
    """Bind ``host``:``port``; exit with a message if that fails."""
    try:
        number = int(port)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, number), family=family, backlog=2048)
    except (ValueError, OverflowError):
        sys.exit(f"PORT: “{port}” is not a port number (0 to 65535).")
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            sys.exit(f"Port {port} is in use. Choose another one: make run PORT=8001")
        sys.exit(f"Cannot serve on {host}:{port}: {error.strerror}.")


def prepare() -> None:
    """Migrate, collect the static files and create the demo account; exit if any of them fails."""
    for command in (["migrate", "--no-input"], ["collectstatic", "--no-input"], ["demo"]):
        quietly = [] if command == ["demo"] else ["--verbosity", "0"]
        words = [sys.executable, "manage.py", *command, *quietly]
        done = subprocess.run(words, cwd=ROOT, check=False)  # noqa: S603  # our own words
        if done.returncode:
            sys.exit(done.returncode)


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
