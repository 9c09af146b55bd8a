"""The judge itself, against the examples of IAM's documentation that matter here."""

import pytest

from tests.stack.policy import Request, judge


def verdict(effect: str = "Allow", action: str = "s3:GetObject", resource: str = "arn:aws:s3:::b/x", context: dict | None = None, **statement) -> str:
    full = {"Effect": effect, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*", **statement}
    return judge([{"Statement": [full]}], Request(action, resource, context=context or {}))


def test_what_nobody_allows_is_not_allowed() -> None:
    assert verdict() == "allow"
    assert verdict(action="s3:PutObject") == "none"
    assert verdict(resource="arn:aws:s3:::other/x") == "none"


def test_a_deny_wins() -> None:
    allow, deny = ({"Statement": {"Effect": effect, "Action": "s3:*", "Resource": "*"}} for effect in ("Allow", "Deny"))
    for order in ([allow, deny], [deny, allow]):
        assert judge(order, Request("s3:GetObject", "arn:aws:s3:::b/x")) == "deny"


@pytest.mark.parametrize(
    ("condition", "context", "holds"),
    [
        ({"Bool": {"aws:SecureTransport": "false"}}, {"aws:SecureTransport": "false"}, True),
        ({"Bool": {"aws:SecureTransport": "false"}}, {"aws:securetransport": "true"}, False),
        ({"Bool": {"aws:SecureTransport": "false"}}, {}, False),
        ({"Null": {"s3:if-none-match": "true"}}, {}, True),
        ({"Null": {"s3:if-none-match": "true"}}, {"s3:if-none-match": "*"}, False),
        ({"Null": {"s3:if-none-match": "false"}}, {"s3:if-none-match": "*"}, True),
        ({"Null": {"lambda:SourceFunctionArn": ["true"]}}, {}, True),
        ({"Null": {"lambda:SourceFunctionArn": ["true"]}}, {"lambda:SourceFunctionArn": "f"}, False),
        ({"StringEquals": {"k": ["a", "b"]}}, {"k": "b"}, True),
        ({"StringEquals": {"k": "a*"}}, {"k": "ab"}, False),
        ({"StringLike": {"k": "a*"}}, {"k": "ab"}, True),
        ({"ArnEquals": {"k": "arn:aws:s3:::b*"}}, {"k": "arn:aws:s3:::bucket"}, True),
        ({"ArnLike": {"k": "arn:aws:*:x"}}, {"k": "arn:aws:sqs:eu-west-1:1:x"}, False),
        ({"StringEquals": {"k": "a", "l": "b"}}, {"k": "a", "l": "c"}, False),
    ],
)
def test_conditions(condition: dict, context: dict, holds: bool) -> None:
    assert verdict(Condition=condition, context=context) == ("allow" if holds else "none")


def test_principals() -> None:
    policy = {"Statement": {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "kms:*", "Resource": "*"}}
    role = "arn:aws:iam::{}:role/r"
    assert judge([policy], Request("kms:Decrypt", "k", {"AWS": role.format("111122223333")})) == "allow"
    assert judge([policy], Request("kms:Decrypt", "k", {"AWS": role.format("999999999999")})) == "none"
    assert judge([policy], Request("kms:Decrypt", "k", {"Service": "s3.amazonaws.com"})) == "none"


@pytest.mark.parametrize("unknown", [{"NotAction": "s3:*"}, {"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}])
def test_what_it_does_not_know_it_does_not_guess(unknown: dict) -> None:
    with pytest.raises(NotImplementedError):
        verdict(**unknown)
