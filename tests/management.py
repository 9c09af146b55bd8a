"""RabbitMQ's management API, as far as tests need it."""

from __future__ import annotations

import base64
import json
import urllib.request
from typing import Any
from urllib.parse import quote, urlsplit


class Management:
    """The API at a URL that carries user and password."""

    def __init__(self, url: str):
        parts = urlsplit(url)
        self._url = f"{parts.scheme}://{parts.hostname}:{parts.port}/api"
        self._key = base64.b64encode(f"{parts.username}:{parts.password}".encode()).decode()

    def queue(self, name: str, vhost: str = "/") -> dict:
        """All that the broker says of a queue: arguments, counts, consumers."""
        return self._call("GET", f"queues/{quote(vhost, safe='')}/{quote(name, safe='')}")

    def look_into(self, queue: str, count: int, mode: str = "ack_requeue_true") -> list[tuple[str, bool]]:
        """The first messages, as the management's page gets and requeues them: body, and whether it was delivered before.

        The mode is that which the page calls "nack, requeue", unless another one is given.
        """
        asked = {"count": count, "ackmode": mode, "encoding": "auto"}
        found = self._call("POST", f"queues/%2f/{quote(queue, safe='')}/get", asked)
        return [(message["payload"], message["redelivered"]) for message in found]

    def cut_connections(self) -> None:
        """Closes every connection to the broker."""
        for connection in self._call("GET", "connections"):
            self._call("DELETE", f"connections/{quote(connection['name'], safe='')}")

    def make_user(self, name: str, password: str, permissions: dict[str, str], vhost: str = "/") -> None:
        """A user of the management API with these patterns for configure, write and read; changed if there is one."""
        self._call("PUT", f"users/{quote(name)}", {"password": password, "tags": "management"})
        self._call("PUT", f"permissions/{quote(vhost, safe='')}/{quote(name)}", permissions)

    def make_vhost(self, name: str, user: str = "guest") -> None:
        """A virtual host of that name, in which the user may do everything."""
        self._call("PUT", f"vhosts/{quote(name, safe='')}", {})
        self._call("PUT", f"permissions/{quote(name, safe='')}/{quote(user)}", dict.fromkeys(("configure", "write", "read"), ".*"))

    def set_policy(self, name: str, pattern: str, definition: dict[str, Any], vhost: str = "/") -> None:
        """A policy for the queues whose names match."""
        content = {"pattern": pattern, "definition": definition, "apply-to": "queues"}
        self._call("PUT", f"policies/{quote(vhost, safe='')}/{quote(name)}", content)

    def delete_policy(self, name: str, vhost: str = "/") -> None:
        """Takes a policy back."""
        self._call("DELETE", f"policies/{quote(vhost, safe='')}/{quote(name)}")

    def _call(self, method: str, path: str, content: Any = None) -> Any:
        request = urllib.request.Request(f"{self._url}/{path}", None if content is None else json.dumps(content).encode(), method=method)
        request.add_header("Authorization", f"Basic {self._key}")
        with urllib.request.urlopen(request, timeout=10) as response:
            body = response.read()
        return json.loads(body) if body else None
