"""Connections that ask one after another, as fast as they are answered: ``python -m bench.load``.

Reads ``{"port", "requests": [[connections, path, authorization]], "seconds"}`` from standard
input; answers ``[[latency, …], …]`` in seconds, one list for each entry of ``requests``.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from threading import Thread


def ask(port: int, path: str, authorization: str, seconds: float, latencies: list[float]) -> None:
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {authorization}\r\n\r\n".encode()
    ends_at = time.perf_counter() + seconds
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while (started_at := time.perf_counter()) < ends_at:
            connection.sendall(request)
            read_answer(connection)
            latencies.append(time.perf_counter() - started_at)


def read_answer(connection: socket.socket) -> None:
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split()[0])
    while len(body) < length:
        body += connection.recv(65536)


def main() -> None:
    job = json.load(sys.stdin)
    answers: list[list[float]] = []
    threads = []
    for connections, path, authorization in job["requests"]:
        latencies: list[float] = []
        answers.append(latencies)
        arguments = (job["port"], path, authorization, job["seconds"], latencies)
        threads += [Thread(target=ask, args=arguments) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
