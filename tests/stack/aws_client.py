"""Just enough of an AWS client for the Lambda host and the pump: asynchronous, unsigned, without retries."""

import asyncio
import json
from typing import Any

import aiohttp

TARGETS = {"sqs": ("AmazonSQS", "1.0"), "events": ("AWSEvents", "1.1")}


class Refused(Exception):
    """An answer other than 2xx."""


# What may go wrong with one call and be right with the next: a loop reports it and tries again.
TROUBLE = (aiohttp.ClientError, OSError, Refused, asyncio.TimeoutError)


class Client:
    """Speaks to one endpoint, in one region."""

    def __init__(self, session: aiohttp.ClientSession, endpoint: str, region: str):
        self.session, self.endpoint, self.region = session, endpoint, region

    async def call(self, service: str, action: str, body: dict[str, Any]) -> dict[str, Any]:
        """An operation of a service that speaks JSON."""
        target, version = TARGETS[service]
        headers = {"X-Amz-Target": f"{target}.{action}", "Content-Type": f"application/x-amz-json-{version}"}
        async with self.session.post(self.endpoint, data=json.dumps(body), headers=headers | self._scope(service)) as answer:
            return json.loads(await checked(answer) or b"{}")

    async def get(self, service: str, path: str) -> dict[str, Any]:
        """A read of a service that speaks REST; services and scopes are named as in a signature."""
        async with self.session.get(self.endpoint + path, headers=self._scope(service)) as answer:
            return json.loads(await checked(answer))

    def _scope(self, service: str) -> dict[str, str]:
        # The emulator reads service and region from here, and checks no signature.
        return {"Authorization": f"AWS4-HMAC-SHA256 Credential=foz/20260101/{self.region}/{service}/aws4_request, SignedHeaders=host, Signature=0"}


async def checked(answer: aiohttp.ClientResponse) -> bytes:
    """The body of an answer, if it is one."""
    body = await answer.read()
    if answer.status >= 300:
        raise Refused(f"{answer.status}: {body[:300].decode(errors='replace')}")
    return body
