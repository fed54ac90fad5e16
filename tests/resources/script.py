"""Script: the answers of a test's HTTP server, one after the other, and what it was asked."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler


@dataclass
class Answer:
    """One answer; ``promised`` bytes in the head may differ from the body that is sent."""

    status: int = 200
    body: bytes = b'{"ok": true}'
    headers: Mapping[str, str] = field(default_factory=dict)
    promised: int | None = None
    hangs: bool = False


@dataclass
class Request:
    """What the server was asked."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    peer: object


@dataclass
class Script:
    """Answers in order; the last one is repeated. With ``meeting``, each waits for the others."""

    answers: list[Answer] = field(default_factory=lambda: [Answer()])
    requests: list[Request] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    meeting: threading.Barrier | None = None
    url: str = ""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Note the request and send the next answer."""
        length = int(handler.headers.get("Content-Length") or 0)
        headers = {name.lower(): value for name, value in handler.headers.items()}
        body = handler.rfile.read(length)
        request = Request(handler.command, handler.path, headers, body, handler.client_address)
        self.requests.append(request)
        answer = self.answers[min(len(self.requests), len(self.answers)) - 1]
        if self.meeting is not None:
            self.meeting.wait(30)
        if answer.hangs:
            self.released.wait(30)
            handler.close_connection = True
            return
        handler.send_response_only(answer.status)
        for name, value in answer.headers.items():
            handler.send_header(name, value)
        promised = len(answer.body) if answer.promised is None else answer.promised
        handler.send_header("Content-Length", str(promised))
        handler.end_headers()
        handler.wfile.write(answer.body)
        if promised != len(answer.body):
            handler.close_connection = True
