"""Stands in for what a function needs to answer once: the Lambda Runtime API, and a bucket with its definition."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

RUNTIME = "/2018-06-01/runtime"


class Runtime:
    """Hands out one event; `answer` is what the function made of it, or of its start."""

    def __init__(self, event: Any, definition: str):
        self._told = threading.Event()
        self._left = [json.dumps(event).encode()]
        self._definition = definition.encode()
        self._over = threading.Event()
        self._path, self._body = "", b""
        runtime = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if self.path != f"{RUNTIME}/invocation/next":
                    self._send(200, runtime._definition)
                elif runtime._left:
                    headers = {"Lambda-Runtime-Aws-Request-Id": "1", "Lambda-Runtime-Deadline-Ms": str(1 << 42), "Lambda-Runtime-Invoked-Function-Arn": "arn"}
                    self._send(200, runtime._left.pop(), headers)
                else:
                    runtime._over.wait()  # as Lambda does: the next event comes when it comes

            def do_POST(self) -> None:
                runtime._path, runtime._body = self.path, self.rfile.read(int(self.headers["Content-Length"]))
                self._send(202, b"{}")
                runtime._told.set()

            def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Writes nothing: requests are no news."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()

    def answer(self, deadline: float) -> tuple[str, Any]:
        """The last part of the path that it was sent to (`response` or `error`), and the JSON."""
        assert self._told.wait(deadline), "the function did not answer"
        return self._path.rsplit("/", 1)[-1], json.loads(self._body)
