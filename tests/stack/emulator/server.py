"""An AWS on one port: moto behind one lock, mended, with kept-alive connections.

    python -m tests.stack.emulator.server PORT [SNAPSHOT ENDPOINT_THEN]

`AWS_ENDPOINT_URL_LAMBDA` names the Lambda host: invocations that arrive here are passed on to it.
"""

import http.client
import io
import json
import os
import re
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from moto import backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import ThreadedWSGIServer

from tests.stack.emulator import functions, glue, lifecycle, policies, queues, snapshot, transactions
from tests.stack.emulator.requests import Requests
from tests.stack.emulator.s3_events import EventLog

INVOCATION = re.compile(r"^/2015-03-31/functions/[^/]+/invocations/?$")
CREATION = re.compile(r"^/2015-03-31/functions/?$")
Answer = tuple[str, list[tuple[str, str]], bytes]


class Aws:
    """Answers requests: its own few under `/_foz/`, invocations through the Lambda host, the rest through moto."""

    def __init__(self, lambda_url: str | None):
        self._lambda = urlsplit(lambda_url).netloc if lambda_url else None
        self._lambda_connections = threading.local()
        # One request at a time: moto is not safe under concurrency.
        self._lock = threading.Condition()
        services = list(backends.list_of_moto_modules())
        backends.list_of_moto_modules = lambda: services  # moto lists its own folder at every request
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._created: dict[str, Answer] = {}
        self._events = EventLog()
        self._events.install()
        self._requests = Requests()
        transactions.install()
        policies.install()
        glue.install()
        functions.install()
        lifecycle.install()
        queues.install(self._lock)

    def answer(self, environ: dict[str, Any]) -> Answer:
        """The whole answer to a request whose body was read."""
        path = environ["PATH_INFO"]
        if path.startswith("/_foz/"):
            return self._own(path, environ)
        if self._lambda and environ["REQUEST_METHOD"] == "POST" and INVOCATION.match(path):
            return self._invoke(environ)
        self._requests.count(environ)
        # An SDK that got no answer in time asks again, and a function that is there already would be an error to it.
        repeatable = environ["REQUEST_METHOD"] == "POST" and CREATION.match(path)
        request = environ.get("HTTP_AMZ_SDK_INVOCATION_ID") if repeatable else None
        with self._lock:
            if request in self._created:
                return self._created[request]
            answer = self._ask_moto(environ)
            if request and answer[0].startswith("2"):
                self._created[request] = answer
        return answer

    def _ask_moto(self, environ: dict[str, Any]) -> Answer:
        status: list[Any] = []
        with self._lock:
            chunks = self._moto(environ, lambda line, headers, _exc=None: status.extend((line, headers)))
            body = b"".join(chunks)
        return status[0], status[1], body

    def _own(self, path: str, environ: dict[str, Any]) -> Answer:
        query = {name: values[0] for name, values in parse_qs(environ["QUERY_STRING"]).items()}
        if path == "/_foz/s3-events":
            return found(self._events.after(int(query["after"]), float(query["wait"])))
        if path == "/_foz/requests":
            return found(self._requests.counts())
        with self._lock:
            if path == "/_foz/functions":
                return found(functions.configurations())
            if path.startswith("/_foz/code/"):
                code = functions.code(path.removeprefix("/_foz/code/"))
                return ("404 Not Found", [], b"") if code is None else ("200 OK", [("Content-Type", "application/zip")], code)
            if path == "/_foz/snapshot":
                snapshot.save(Path(query["path"]))
                return found({})
        return "404 Not Found", [], b""

    def _invoke(self, environ: dict[str, Any]) -> Answer:
        kept = getattr(self._lambda_connections, "connection", None)
        connection = kept or http.client.HTTPConnection(str(self._lambda))
        headers = {"Content-Type": "application/json"}
        for name in ("HTTP_X_AMZ_INVOCATION_TYPE", "HTTP_X_AMZ_CLIENT_CONTEXT", "HTTP_X_AMZ_LOG_TYPE"):
            if name in environ:
                headers[name[5:].replace("_", "-")] = environ[name]
        try:
            connection.request("POST", environ["PATH_INFO"], environ["wsgi.input"].read(), headers)
            response = connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            self._lambda_connections.connection = None
            # Whether it ran is unknown, and nothing is sent twice here: the caller decides.
            return "502 Bad Gateway", [("Content-Type", "application/json")], json.dumps({"Message": str(error)}).encode()
        self._lambda_connections.connection = connection
        kept_headers = [(k, v) for k, v in response.getheaders() if k.lower() not in ("connection", "content-length", "date")]
        return f"{response.status} {response.reason}", kept_headers, body


def found(value: object) -> Answer:
    """An answer in JSON."""
    return "200 OK", [("Content-Type", "application/json")], json.dumps(value).encode()


class Handler(MotoRequestHandler):
    """One connection: reads a request whole before it takes the lock, and keeps the connection for the next."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    answer: Callable[[dict[str, Any]], Answer]

    def run_wsgi(self) -> None:
        """Named by the base class: what to do with a request."""
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        environ = self.make_environ()
        body = environ["wsgi.input"].read() if environ.get("wsgi.input_terminated") else self.rfile.read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        status, headers, content = type(self).answer(environ)
        code = int(status.split(" ", 1)[0])
        lines = [f"HTTP/1.1 {status}", f"Date: {self.date_time_string()}"]
        lines += [f"{name}: {value}" for name, value in headers if name.lower() not in ("content-length", "connection", "date")]
        if self.command == "HEAD":
            lengths = [value for name, value in headers if name.lower() == "content-length"]
            lines.append(f"Content-Length: {lengths[0] if lengths else 0}")
            content = b""
        elif code not in (204, 304):
            lines.append(f"Content-Length: {len(content)}")
        lines.append(f"Connection: {'close' if self.close_connection else 'keep-alive'}")
        self.wfile.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n")
        if content:
            self.wfile.write(content)

    def log_request(self, *_args: object) -> None:
        """Nothing: there are thousands a minute."""


class Server(ThreadedWSGIServer):
    """A thread per connection; no request waits for another's connection."""

    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


def main() -> None:
    """Serves until it is ended."""
    aws = Aws(os.environ.get("AWS_ENDPOINT_URL_LAMBDA"))
    if len(sys.argv) > 2:
        snapshot.load(Path(sys.argv[2]), old=sys.argv[3], new=f"http://127.0.0.1:{sys.argv[1]}")
    handler = type("BoundHandler", (Handler,), {"answer": staticmethod(aws.answer)})
    Server("127.0.0.1", int(sys.argv[1]), aws.answer, handler=handler).serve_forever()


if __name__ == "__main__":
    main()
