"""The other yardstick: the script that one writes first. pika consumes, 2,000 messages make a gzip object, boto3 puts it.

`python -m tests.bench.plain AMQP_URL QUEUE COUNT ENDPOINT REGION BUCKET` prints the seconds from the first message on.
"""

import gzip
import sys
import time

import boto3
import pika

TOGETHER = 2_000


def main(url: str, queue: str, count: int, endpoint: str, region: str, bucket: str) -> None:
    """Drains the queue into objects under `plain/`."""
    keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
    s3 = boto3.client("s3", endpoint_url=endpoint, region_name=region, **keys)
    channel = pika.BlockingConnection(pika.URLParameters(url)).channel()
    channel.basic_qos(prefetch_count=2 * TOGETHER)
    bodies, started = [], None
    for received, (method, _, body) in enumerate(channel.consume(queue), 1):
        started = started or time.monotonic()
        bodies.append(body)
        if len(bodies) == TOGETHER or received == count:
            s3.put_object(Bucket=bucket, Key=f"plain/{received:012}.jsonl.gz", Body=gzip.compress(b"\n".join(bodies)))
            channel.basic_ack(method.delivery_tag, multiple=True)
            bodies = []
        if received == count:
            break
    print(time.monotonic() - started)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), *sys.argv[4:7])
