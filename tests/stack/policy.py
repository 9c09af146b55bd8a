"""Judges a request by IAM policies: an explicit deny wins, else an allow is needed. Knows what `infra/` uses of the language
and refuses to guess about the rest. The emulator judges by it what a bucket's policy forbids, the tests what a role may do."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Policy = str | Mapping[str, Any]


@dataclass(frozen=True)
class Request:
    """What is asked for, and by whom: `principal` such as `{"AWS": role}` or `{"Service": "s3.amazonaws.com"}`, `context` the condition keys."""

    action: str
    resource: str
    principal: Mapping[str, str] = field(default_factory=dict)
    context: Mapping[str, str] = field(default_factory=dict)


def judge(policies: Iterable[Policy], request: Request) -> str:
    """`deny` if a statement denies it, else `allow` if one allows it, else `none`."""
    effects = {each["Effect"] for policy in policies for each in statements(policy) if applies(each, request)}
    return "deny" if "Deny" in effects else "allow" if "Allow" in effects else "none"


def statements(policy: Policy) -> list[dict[str, Any]]:
    """The statements of a policy document."""
    document = json.loads(policy) if isinstance(policy, str) else policy
    return listed(document["Statement"])


def applies(statement: Mapping[str, Any], request: Request) -> bool:
    """Whether a statement speaks of this request."""
    unknown = set(statement) - {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}
    if unknown:
        raise NotImplementedError(f"statements with {', '.join(sorted(unknown))}")
    return (
        any(like(pattern, request.action, re.IGNORECASE) for pattern in listed(statement["Action"]))
        and any(like(pattern, request.resource) for pattern in listed(statement.get("Resource", "*")))
        and named(statement.get("Principal", "*"), request.principal)
        and all(holds(operator, wanted, request.context) for operator, wanted in statement.get("Condition", {}).items())
    )


def named(wanted: str | Mapping[str, Any], principal: Mapping[str, str]) -> bool:
    """Whether a statement means this principal. An account's root stands for everybody in the account."""
    if wanted == "*":
        return True
    if isinstance(wanted, str):
        raise NotImplementedError(f"the principal {wanted}")
    for kind, names in wanted.items():
        mine = principal.get(kind)
        for name in listed(names):
            account = re.fullmatch(r"arn:[a-z-]+:iam::(\d{12}):root", name)
            if mine is not None and (name in ("*", mine) or (account and f"::{account[1]}:" in mine)):
                return True
    return False


def holds(operator: str, wanted: Mapping[str, Any], context: Mapping[str, str]) -> bool:
    """Whether all keys of a condition hold; a key that the request lacks never does, except for `Null`."""
    known = {key.lower(): value for key, value in context.items()}
    if operator == "Null":
        return all((key.lower() not in known) == (str(listed(value)[0]).lower() == "true") for key, value in wanted.items())
    if operator not in OPERATORS:
        raise NotImplementedError(f"the condition operator {operator}")
    compare = OPERATORS[operator]
    return all(key.lower() in known and any(compare(str(each), known[key.lower()]) for each in listed(values)) for key, values in wanted.items())


def like(pattern: str, text: str, flags: int = 0) -> bool:
    """`*` stands for anything, `?` for one character."""
    parts = {"*": ".*", "?": "."}
    return re.fullmatch("".join(parts.get(c, re.escape(c)) for c in pattern), text, flags | re.DOTALL) is not None


def like_arn(pattern: str, arn: str) -> bool:
    """Each of the six parts by itself, so that a wildcard does not reach into the next."""
    wanted, found = pattern.split(":", 5), arn.split(":", 5)
    return len(wanted) == len(found) and all(like(*pair) for pair in zip(wanted, found, strict=True))


def listed(value: Any) -> list[Any]:
    """One or several, as a list."""
    return value if isinstance(value, list) else [value]


OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "ArnEquals": like_arn,
    "ArnLike": like_arn,
    "Bool": lambda wanted, found: wanted.lower() == found.lower(),
    "StringEquals": str.__eq__,
    "StringLike": like,
}
