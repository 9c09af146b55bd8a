"""S3 event notifications to SQS: at least once, in no promised order, after the object is there."""

import asyncio
import json

from tests.stack.aws_client import TROUBLE, Client, checked

LONG_POLL = 20


async def deliver(client: Client) -> None:
    """Moves events until it is ended. The emulator forgets an event only when the one after it is asked for, so a pump
    that is killed delivers some twice."""
    number = 0
    while True:
        try:
            async with client.session.get(f"{client.endpoint}/_foz/s3-events?after={number}&wait={LONG_POLL}") as answer:
                events = json.loads(await checked(answer))
            for event in events:
                url = (await client.call("sqs", "GetQueueUrl", {"QueueName": event["queue_arn"].rsplit(":", 1)[-1]}))["QueueUrl"]
                await client.call("sqs", "SendMessage", {"QueueUrl": url, "MessageBody": event["body"]})
                number = event["number"]
        except TROUBLE as error:
            print(f"S3 events: {error!r}", flush=True)
            await asyncio.sleep(0.5)
