"""Mends moto's judgement of policies that stand at buckets and keys, so that the local cloud refuses what they forbid everybody:
moto takes a bucket's deny for true whatever its condition says, and never asks a key's policy. Roles are not enforced: what
nobody is forbidden is allowed."""

from typing import Any

from flask import request
from moto.iam.access_control import PermissionResult
from moto.kms.exceptions import AccessDeniedException
from moto.kms.responses import KmsResponse
from moto.s3.models import FakeBucket

from tests.stack.policy import Request, judge

VERDICTS = {"deny": PermissionResult.DENIED, "allow": PermissionResult.PERMITTED, "none": PermissionResult.NEUTRAL}
# moto derives actions from HTTP's methods; uploads in parts are posted.
ACTIONS = {"s3:HeadObject": "s3:GetObject", "s3:PostObject": "s3:PutObject"}
# Nothing here is encrypted on its way, and nothing leaves the machine.
CONTEXT = {"aws:SecureTransport": "true"}


def install() -> None:
    """Takes the place of moto's judgement."""
    FakeBucket.get_permission = of_bucket
    KmsResponse.schedule_key_deletion = of_key("kms:ScheduleKeyDeletion", KmsResponse.schedule_key_deletion)


def of_bucket(bucket: Any, action: str, resource: str) -> PermissionResult:
    """What the bucket's policy says of the request that is being answered."""
    if not bucket.policy:
        return PermissionResult.NEUTRAL
    action = ACTIONS.get(action, action)
    if action == "s3:DeleteObject" and "versionId" in request.args:
        action = "s3:DeleteObjectVersion"
    condition = request.headers.get("If-None-Match")
    context = CONTEXT | ({} if condition is None else {"s3:if-none-match": condition})
    return VERDICTS[judge([bucket.policy.decode()], Request(action, resource, context=context))]


def of_key(action: str, plain: Any) -> Any:
    """An operation on a key that its policy may deny."""

    def operation(response: Any) -> str:
        key = response.kms_backend.describe_key(response._get_param("KeyId"))
        if key.policy and judge([key.policy], Request(action, key.arn, context=CONTEXT)) == "deny":
            raise AccessDeniedException(message=f"{action} on {key.arn} is denied by the key's policy")
        return plain(response)

    return operation
