"""The event pump: what moves events on AWS without being a function. It keeps nothing, and may be killed at any time.

    python -m tests.stack.pump.run

`AWS_ENDPOINT_URL` names the emulator, `AWS_ENDPOINT_URL_LAMBDA` the Lambda host, `AWS_REGION` the region, `AMQP_URL` the broker
of all mappings from RabbitMQ, with a user who may consume.
"""

import asyncio
import os

import aiohttp

from tests.stack.aws_client import TROUBLE, Client
from tests.stack.pump import consumer, notifications
from tests.stack.pump.mappings import Mappings
from tests.stack.pump.schedules import Schedules

# How often Terraform's changes are looked for, in ticks of a second.
FOLLOW = 3


async def main() -> None:
    """Runs until it is ended."""
    lambda_url = os.environ["AWS_ENDPOINT_URL_LAMBDA"]
    consumer.mend()
    connections = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connections, timeout=aiohttp.ClientTimeout(total=60)) as session:
        client = Client(session, os.environ["AWS_ENDPOINT_URL"], os.environ["AWS_REGION"])
        mappings, schedules = Mappings(client, lambda_url, os.environ.get("AMQP_URL", "")), Schedules(client, lambda_url)
        delivery = asyncio.create_task(notifications.deliver(client))
        tick = 0
        while not delivery.done():
            try:
                if tick % FOLLOW == 0:
                    await mappings.follow()
                    await schedules.follow()
                await schedules.fire()
            except TROUBLE as error:
                print(f"{error!r}", flush=True)
            tick += 1
            await asyncio.sleep(1)
        delivery.result()


if __name__ == "__main__":
    asyncio.run(main())
