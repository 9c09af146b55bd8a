"""AMQP 0-9-1 in bytes: publishes and reads what no client library would, and changes nothing on the way."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

METHOD, HEADER, BODY, HEARTBEAT = 1, 2, 3, 8
# The bits of the properties, in the order of the list.
PROPERTIES = {
    "content_type": 15,
    "content_encoding": 14,
    "headers": 13,
    "delivery_mode": 12,
    "priority": 11,
    "correlation_id": 10,
    "reply_to": 9,
    "expiration": 8,
    "message_id": 7,
    "timestamp": 6,
    "type": 5,
    "user_id": 4,
    "app_id": 3,
    "cluster_id": 2,
}
SIZES = {"delivery_mode": ">B", "priority": ">B", "timestamp": ">Q"}


@dataclass(frozen=True, slots=True)
class Got:
    """A message as the broker gives it, beside its body undecoded."""

    exchange: bytes
    routing_key: bytes
    properties: bytes
    body: bytes


def short(text: bytes) -> bytes:
    """A short string."""
    return bytes([len(text)]) + text


def long(text: bytes) -> bytes:
    """A long string, an array or a table."""
    return struct.pack(">I", len(text)) + text


def properties(**given: bytes | int) -> bytes:
    """Property flags and list; `headers` is the table's content."""
    flags, listed = 0, b""
    for name, bit in PROPERTIES.items():
        if name not in given:
            continue
        flags |= 1 << bit
        value = given[name]
        listed += struct.pack(SIZES[name], value) if name in SIZES else (long if name == "headers" else short)(value)
    return struct.pack(">H", flags) + listed


def read_properties(encoded: bytes) -> dict[str, bytes | int]:
    """The reverse of `properties`."""
    (flags,) = struct.unpack_from(">H", encoded)
    at, found = 2, {}
    for name, bit in PROPERTIES.items():
        if not flags & 1 << bit:
            continue
        if name in SIZES:
            (found[name],) = struct.unpack_from(SIZES[name], encoded, at)
            at += struct.calcsize(SIZES[name])
        else:
            size = ">I" if name == "headers" else ">B"
            (length,) = struct.unpack_from(size, encoded, at)
            at += struct.calcsize(size)
            found[name] = encoded[at : at + length]
            at += length
    assert at == len(encoded) and not flags & 3
    return found


class Client:
    """One connection with one channel, in confirm mode."""

    def __init__(self, url: str):
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname, parts.port), timeout=30)
        self._stream = self._socket.makefile("rb")
        self._published = 0
        self._socket.sendall(b"AMQP\x00\x00\x09\x01")
        self._expect(10, 10)
        login = b"\x00" + unquote(parts.username).encode() + b"\x00" + unquote(parts.password).encode()
        self._call(0, 10, 11, long(b"") + short(b"PLAIN") + long(login) + short(b"en_US"))
        channels, self._frame_max, _ = struct.unpack(">HIH", self._expect(10, 30))
        self._call(0, 10, 31, struct.pack(">HIH", channels, self._frame_max, 0))
        self._call(0, 10, 40, short(unquote(parts.path[1:]).encode()) + short(b"") + b"\x00", 41)
        self._call(1, 20, 10, short(b""), 11)
        self._call(1, 85, 10, b"\x00", 11)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_) -> None:
        self._socket.close()

    def publish(self, exchange: bytes, routing_key: bytes, encoded: bytes, body: bytes) -> None:
        """Publishes, and waits until the broker has confirmed."""
        self._send(METHOD, 1, struct.pack(">HHH", 60, 40, 0) + short(exchange) + short(routing_key) + b"\x01")
        self._send(HEADER, 1, struct.pack(">HHQ", 60, 0, len(body)) + encoded)
        for at in range(0, len(body), self._frame_max - 8):
            self._send(BODY, 1, body[at : at + self._frame_max - 8])
        self._published += 1
        tag, _ = struct.unpack(">QB", self._expect(60, 80))
        assert tag == self._published

    def get(self, queue: bytes) -> Got | None:
        """Takes a message off the queue; None if there is none."""
        self._send(METHOD, 1, struct.pack(">HHH", 60, 70, 0) + short(queue) + b"\x01")
        kind, payload = self._frame()
        if payload[:4] == struct.pack(">HH", 60, 72):
            return None
        assert kind == METHOD and payload[:4] == struct.pack(">HH", 60, 71), payload
        names = payload[13:]
        exchange, rest = names[1 : 1 + names[0]], names[1 + names[0] :]
        routing_key = rest[1 : 1 + rest[0]]
        _, header = self._frame()
        (size,) = struct.unpack_from(">Q", header, 4)
        body = b""
        while len(body) < size:
            body += self._frame()[1]
        return Got(exchange, routing_key, header[12:], body)

    def _send(self, kind: int, channel: int, payload: bytes) -> None:
        self._socket.sendall(struct.pack(">BHI", kind, channel, len(payload)) + payload + b"\xce")

    def _frame(self) -> tuple[int, bytes]:
        while True:
            kind, _, size = struct.unpack(">BHI", self._stream.read(7))
            payload = self._stream.read(size)
            assert self._stream.read(1) == b"\xce"
            if kind != HEARTBEAT:
                return kind, payload

    def _expect(self, kind: int, number: int) -> bytes:
        _, payload = self._frame()
        assert payload[:4] == struct.pack(">HH", kind, number), payload
        return payload[4:]

    def _call(self, channel: int, kind: int, number: int, arguments: bytes, answer: int | None = None) -> None:
        self._send(METHOD, channel, struct.pack(">HH", kind, number) + arguments)
        if answer:
            self._expect(kind, answer)
