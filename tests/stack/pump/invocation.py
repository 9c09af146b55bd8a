"""Synchronous invocations, as an event source mapping makes them."""

import aiohttp

from tests.stack.aws_client import Client, checked

# A function runs for a quarter of an hour at most.
LONGEST = 1000


async def invoke(client: Client, lambda_url: str, function: str, event: bytes) -> bytes | None:
    """The function's answer; `None` if it failed. Raises if Lambda itself refuses, as it does when it throttles."""
    url = f"{lambda_url}/2015-03-31/functions/{function}/invocations"
    headers = {"Content-Type": "application/json"}
    limit = aiohttp.ClientTimeout(total=LONGEST)
    async with client.session.post(url, data=event, headers=headers, timeout=limit) as answer:
        body = await checked(answer)
        if "X-Amz-Function-Error" in answer.headers:
            print(f"{function}: {body[:300].decode(errors='replace')}", flush=True)
            return None
    return body
