"""PgBouncer and nginx with the deployed configuration; tests can stop them."""

from __future__ import annotations

import configparser
import os
import resource
import shutil
import socket
import string
import subprocess
import tempfile
from pathlib import Path

import psycopg

from testing.programs import DEADLINE, close_log, free_port, logs, program, wait_until
from testing.services import Postgres, children


class PgBouncer:
    """PgBouncer with the deployed configuration in front of ``postgres``; ``url`` connects through it.

    Addresses, passwords and ``overrides`` are the test's own; the pool is as deployed. It serves every
    database of the server, with the connect_query of the deployed one.
    """

    CONFIGURATION = Path(__file__).resolve().parents[1] / "deploy" / "pgbouncer" / "pgbouncer.ini"

    def __init__(self, postgres: Postgres, **overrides: str) -> None:
        self.program = program("pgbouncer")
        self.folder = Path(tempfile.mkdtemp(prefix="wizchat-pgbouncer-"))
        self.port = free_port()
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/wizchat"
        self.log = self.folder / "log"
        configuration = configparser.ConfigParser(interpolation=None)
        configuration.read(self.CONFIGURATION)
        connect_query = overrides.pop("connect_query", self.connect_query(configuration))
        target = f"host=127.0.0.1 port={postgres.port} user=postgres"
        configuration["databases"] = {"*": f"{target} connect_query='{connect_query}'"}
        places = {"listen_addr": "127.0.0.1", "listen_port": str(self.port), "unix_socket_dir": ""}
        configuration["pgbouncer"].update(places | {"auth_type": "any"} | overrides)
        with (self.folder / "pgbouncer.ini").open("w") as file:
            configuration.write(file)
        # Like PostgreSQL, PgBouncer refuses to run as root.
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user:
            for path in (self.folder, self.folder / "pgbouncer.ini"):
                shutil.chown(path, self._user)
        self._process: subprocess.Popen[bytes] | None = None

    @staticmethod
    def connect_query(configuration: configparser.ConfigParser) -> str:
        return configuration["databases"]["wizchat"].partition("connect_query='")[2].removesuffix("'")

    def start(self) -> PgBouncer:
        as_user = ["-u", self._user] if self._user else []
        logs[f"pgbouncer-{self.port}"] = self.log
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [self.program, *as_user, str(self.folder / "pgbouncer.ini")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        wait_until(self._answers, "PgBouncer's answer")
        return self

    def stop(self) -> None:
        """Send SIGTERM, on which PgBouncer closes all connections immediately."""
        if self._process:
            self._process.terminate()
            self._process.wait(DEADLINE)
            self._process = None

    def close(self) -> None:
        self.stop()
        close_log(f"pgbouncer-{self.port}")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()
        try:
            psycopg.connect(self.url, connect_timeout=10).close()
        except psycopg.OperationalError:
            return False
        return True


class Nginx:
    """nginx with the deployed configuration, filled in with ``values`` as its image would."""

    # Replacements for lines of the deployed file that don't work outside of its image.
    HERE = {
        "user nginx;": "daemon off; {user}",
        "pid /run/nginx.pid;": "pid {folder}/pid;",
        "worker_rlimit_nofile 40000;": "worker_rlimit_nofile {files};",
        "worker_processes auto;": "worker_processes 1;",
        "include /etc/nginx/mime.types;": (
            "client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder}; "
            "uwsgi_temp_path {folder}; scgi_temp_path {folder};"
        ),
        "include /etc/nginx/conf.d/*.conf;": "include {folder}/site.conf;",
    }

    def __init__(self, template: Path, **values: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="wizchat-nginx-"))
        http, https = free_port(), free_port()
        self.address = f"127.0.0.1:{http}"
        self.url, self.tls_url = f"http://{self.address}", f"https://127.0.0.1:{https}"
        listening = {"HTTP": self.address, "HTTPS": f"127.0.0.1:{https}", "TLS": str(self.folder)}
        site = string.Template(template.read_text()).safe_substitute(values | listening)
        (self.folder / "site.conf").write_text(site)
        # If the master is root, its workers would run as another user, who can't read the folder.
        user = "user root;" if os.geteuid() == 0 else ""
        # No process may open more files than its hard limit allows.
        files = min(40_000, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        main = (template.parent / "nginx.conf").read_text()
        for line, here in self.HERE.items():
            assert line in main, line
            main = main.replace(line, here.format(folder=self.folder, user=user, files=files))
        (self.folder / "nginx.conf").write_text(main)
        self.log = self.folder / "log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Nginx:
        self._make_certificate()
        command = [
            program("nginx"),
            "-e",
            "stderr",
            "-p",
            str(self.folder),
            "-c",
            f"{self.folder}/nginx.conf",
        ]
        logs[f"nginx-{self.address.rpartition(':')[2]}"] = self.log
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(self._answers, "nginx's answer")
        return self

    def memory(self) -> int:
        """Return the memory of its only worker, in bytes."""
        assert self._process is not None
        (worker,) = children(self._process.pid)
        pages = int(Path(f"/proc/{worker}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGESIZE")

    def close(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(DEADLINE)
        close_log(f"nginx-{self.address.rpartition(':')[2]}")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _make_certificate(self) -> None:
        command = (
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
        )
        files = ["-keyout", "privkey.pem", "-out", "fullchain.pem"]
        subprocess.run(
            [program("openssl"), *command.split(), *files], cwd=self.folder, check=True, capture_output=True
        )

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()
        host, _, port = self.address.partition(":")
        try:
            socket.create_connection((host, int(port)), timeout=10).close()
        except OSError:
            return False
        return True
