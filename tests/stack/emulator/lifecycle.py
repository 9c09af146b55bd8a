"""Mends moto's lifecycle rules: they are read back as they were written. moto forgets the limits of size, and Terraform would
wait for them until it gives up."""

from typing import Any

import xmltodict
from moto.s3.models import FakeBucket
from moto.s3.responses import S3Response

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
# What S3 takes for transitions that say nothing of sizes.
SMALLEST = {"x-amz-transition-default-minimum-object-size": "all_storage_classes_128K"}


def install() -> None:
    """Keeps the rules beside moto's own understanding of them, and answers with them."""
    understand, answer = FakeBucket.set_lifecycle, S3Response.get_bucket_lifecycle

    def set_lifecycle(bucket: Any, rules: list[dict[str, Any]]) -> None:
        bucket.rules_as_written = rules
        understand(bucket, rules)

    def get_bucket_lifecycle(response: Any) -> Any:
        bucket = response.backend.get_bucket(response.bucket_name)
        if not bucket.rules:
            return answer(response)
        document = {"LifecycleConfiguration": {"@xmlns": NAMESPACE, "Rule": bucket.rules_as_written}}
        return 200, {"Content-Type": "application/xml", **SMALLEST}, xmltodict.unparse(document)

    FakeBucket.set_lifecycle = set_lifecycle
    S3Response.get_bucket_lifecycle = get_bucket_lifecycle
