"""A gunicorn worker whose threads never wait for a client (docs/decisions/0021)."""

from __future__ import annotations

import time
from bisect import insort
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ, EVENT_WRITE
from socket import SHUT_WR
from threading import local
from typing import Any

from gunicorn.http.errors import LimitRequestHeaders
from gunicorn.workers import gthread

from wizchat.api.catalogue import INTERNAL_ERROR, REQUEST_TIMEOUT
from wizchat.gunicorn.client import Client
from wizchat.gunicorn.lanes import TwoLanes
from wizchat.gunicorn.responses import error_for, response
from wizchat.gunicorn.wsgi import noting_refusals, with_whole_bodies

Conn = Any  # gunicorn's TConn, which has no types; its ``sock`` is a ``Client``


class Worker(gthread.ThreadWorker):
    """The main thread receives whole requests, and sends what slow clients haven't read yet.

    ``pending_conns`` has all connections that wait for their client, by deadline. A thread gets a
    connection once its request has arrived, and then waits only for the application.
    """

    request_seconds = 60.0
    """How many seconds a client may take to send a request."""

    answer_seconds = 60.0
    """How many seconds a client may take to read the rest of a response after the thread is done."""

    patience = 20.0
    """How many seconds, in all, a thread may wait for a client to read a response too large to keep."""

    hang_up_seconds = 5.0
    """How many seconds a client may keep sending after its response."""

    held_bytes = 64 * 1024 * 1024
    """How many bytes unfinished requests and unread responses may take in memory."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._serving = local()
        self._held_bytes = 0

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        super().check_config(cfg, log)
        if cfg.is_ssl:
            raise RuntimeError("This server has no TLS: put a proxy that terminates TLS in front of it.")

    def get_thread_pool(self) -> TwoLanes:
        return TwoLanes(self.cfg.threads)

    def load_wsgi(self) -> None:
        super().load_wsgi()
        self.wsgi = noting_refusals(with_whole_bodies(self.wsgi, self._serving), self._serving)

    # --- In the main thread: wait for clients --------------------------------------------

    def accept(self, listener: Any) -> None:
        super().accept(listener)
        if self.nr_conns >= self.worker_connections:
            self._drop_oldest()

    def enqueue_req(self, conn: Conn) -> None:
        """Give ``conn`` to a thread as soon as its request has arrived."""
        if not isinstance(conn.sock, Client):
            conn.sock = Client(conn.sock, patience=self.patience)
        if not conn.sock.arrival.data:
            conn.sock.deadline = time.monotonic() + self.request_seconds
        try:
            is_ready = conn.sock.receive()
        except OSError:
            self._close(conn)
            return
        if is_ready:
            super().enqueue_req(conn)
        else:
            self._wait(conn, EVENT_READ, self.enqueue_req)

    def finish_request(self, conn: Conn, fs: Any) -> None:
        """Send the rest of the response; then keep the connection or hang up."""
        try:
            is_sent = conn.sock.flush()
        except OSError:
            self._close(conn)
            return
        if not is_sent:
            self._wait(conn, EVENT_WRITE, partial(self.finish_request, fs=fs))
        elif fs.cancelled() or fs.exception() or not fs.result():
            self._hang_up(conn)
        elif conn.sock.arrival.data:
            self.enqueue_req(conn)
        else:
            super().finish_request(conn, fs)

    def _hang_up(self, conn: Conn) -> None:
        """Shut down sending and drain what arrives: many clients send everything before they read."""
        conn.sock.deadline = time.monotonic() + self.hang_up_seconds
        conn.sock.arrival.data.clear()
        with suppress(OSError):
            conn.sock.shutdown(SHUT_WR)
        self._drain(conn)

    def _drain(self, conn: Conn) -> None:
        try:
            has_hung_up = conn.sock.discard()
        except OSError:
            has_hung_up = True
        if has_hung_up:
            self._close(conn)
        else:
            self._wait(conn, EVENT_READ, self._drain)

    def _wait(self, conn: Conn, event: int, resume: Callable[[Conn], None]) -> None:
        """Call ``resume(conn)`` once the client is ready for ``event``; drop the client at its deadline."""
        conn.timeout, conn.waits_since = conn.sock.deadline, time.monotonic()
        conn.held_bytes = conn.sock.held_bytes
        self._held_bytes += conn.held_bytes
        insort(self.pending_conns, conn, key=_timeout)
        self.poller.register(conn.sock, event, partial(self._resume, conn, resume))
        while self._held_bytes > self.held_bytes:
            self._drop(next(held for held in self._waiting() if held.held_bytes))

    def _resume(self, conn: Conn, resume: Callable[[Conn], None], sock: Client) -> None:
        if sock.fileno() >= 0:  # unless it has just been dropped to make room
            self._stop_waiting(conn)
            resume(conn)

    def on_client_socket_readable(self, conn: Conn, client: Any) -> None:
        if client.fileno() >= 0:  # as above
            super().on_client_socket_readable(conn, client)

    def _stop_waiting(self, conn: Conn) -> None:
        self.poller.unregister(conn.sock)
        self.pending_conns.remove(conn)
        self._held_bytes -= conn.held_bytes

    def murder_pending(self) -> None:
        """Drop the clients whose deadline has passed; one that began a request gets a 408."""
        now = time.monotonic()
        while self.pending_conns and _timeout(self.pending_conns[0]) <= now:
            conn: Conn = self.pending_conns[0]
            if conn.sock.arrival.data and not conn.sock.outbox:
                self.log.info("A client did not finish its request in time")
                conn.sock.sendall(response(REQUEST_TIMEOUT))
                with suppress(OSError):
                    conn.sock.flush()
            self._drop(conn)

    def _drop_oldest(self) -> None:
        """Close the connection that has been silent longest, or else the one with the oldest request."""
        silent = next((conn for conn in self._waiting() if not conn.held_bytes), None)
        idle: Conn = self.keepalived_conns[0] if self.keepalived_conns else None
        if idle and (not silent or idle.timeout - self.cfg.keepalive < silent.waits_since):
            self.keepalived_conns.popleft()
            self.poller.unregister(idle.sock)
            self._close(idle)
        elif len(self.pending_conns) > 1:  # a new connection doesn't make room for itself
            self._drop(silent or self.pending_conns[0])

    def _waiting(self) -> Iterable[Conn]:
        """Return the connections that wait for their client, by deadline."""
        return self.pending_conns

    def _drop(self, conn: Conn) -> None:
        self._stop_waiting(conn)
        self._close(conn)

    def _close(self, conn: Conn) -> None:
        self.nr_conns -= 1
        conn.close()

    def _cap_keepalive(self, deadline: float) -> None:
        """Let a stopping worker wait only briefly for requests, but send whole responses."""
        super()._cap_keepalive(deadline)  # type: ignore[misc]  # not in the stubs
        for conn in self._waiting():
            if not conn.sock.outbox:
                conn.timeout = min(conn.timeout, deadline)
        self.pending_conns = deque(sorted(self.pending_conns, key=_timeout))

    # --- In a thread: answer -------------------------------------------------------------

    def handle(self, conn: Conn) -> bool:
        """Answer the request that has arrived; return whether the connection can be used again."""
        self._serving.conn = conn
        conn.data_ready = True  # otherwise gunicorn would wait for the client
        if conn.sock.arrival.head_is_too_large:
            self.handle_error(None, conn.sock, conn.client, LimitRequestHeaders("too large"))
            is_kept = False
        else:
            is_kept = bool(super().handle(conn))
        if is_kept:
            conn.sock.next_request(conn.parser.unreader.take_buffered(), patience=self.patience)
        conn.sock.deadline = time.monotonic() + self.answer_seconds
        with suppress(OSError):  # finish_request will meet the error again
            conn.sock.flush()
        return is_kept

    def handle_request(self, req: Any, conn: Conn) -> bool:
        req._expected_100_continue = False  # Client.receive has already sent it
        if conn.sock.arrival.is_cut:
            req.force_close()
        return bool(super().handle_request(req, conn))

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer a request that was refused before it reached Django, or that broke gunicorn.

        The exception's text quotes the request, which may contain a key, so only its class is logged.
        """
        error = error_for(exc)
        if error is INTERNAL_ERROR:
            self.log.error("Error handling a request", exc_info=exc)
        else:
            self.log.warning(
                "%s from %s: %s", type(exc).__name__, addr[0] if addr else "-", error.status_line
            )
        with suppress(OSError):
            client.sendall(response(error))


def _timeout(conn: Conn) -> float:
    return float(conn.timeout)
