"""Schedules: EventBridge Scheduler's, and scheduled rules of EventBridge. Targets are functions, invoked asynchronously."""

import json
import re
import time
from typing import Any

from tests.stack.aws_client import Client, checked

RATE = re.compile(r"^rate\((\d+) (minute|hour|day)s?\)$")
SECONDS = {"minute": 60, "hour": 3600, "day": 86400}


class Schedules:
    """Fires what is due. A period is counted from the epoch, so that a pump that is restarted keeps the beat."""

    def __init__(self, client: Client, lambda_url: str):
        self._client, self._lambda_url = client, lambda_url
        self._targets: dict[str, tuple[int, str, str]] = {}  # name -> period, function, event
        self._fired: dict[str, int] = {}

    async def follow(self) -> None:
        """Takes the schedules and rules that Terraform has created."""
        targets: dict[str, tuple[int, str, str]] = {}
        for listed in (await self._client.get("scheduler", "/schedules"))["Schedules"]:
            if listed["State"] == "ENABLED":
                path = f"/schedules/{listed['Name']}?groupName={listed['GroupName']}"
                schedule = await self._client.get("scheduler", path)
                add(targets, listed["Name"], schedule["ScheduleExpression"], schedule["Target"])
        for rule in (await self._client.call("events", "ListRules", {}))["Rules"]:
            if rule["State"] == "ENABLED" and rule.get("ScheduleExpression"):
                for target in (await self._client.call("events", "ListTargetsByRule", {"Rule": rule["Name"]}))["Targets"]:
                    add(targets, f"{rule['Name']}/{target['Id']}", rule["ScheduleExpression"], target)
        self._targets = targets

    async def fire(self) -> None:
        """Invokes the targets whose period ended since the last look; one that is new waits for its first."""
        now = int(time.time())
        for name, (period, function, event) in self._targets.items():
            tick = now // period
            if self._fired.setdefault(name, tick) != tick:
                self._fired[name] = tick
                url = f"{self._lambda_url}/2015-03-31/functions/{function}/invocations"
                async with self._client.session.post(url, data=event, headers={"X-Amz-Invocation-Type": "Event"}) as answer:
                    await checked(answer)


def add(targets: dict[str, tuple[int, str, str]], name: str, expression: str, target: dict[str, Any]) -> None:
    """Takes a schedule if it is one that can be carried out here."""
    rate = RATE.match(expression)
    if not rate or ":lambda:" not in target["Arn"]:
        print(f"{name}: only rate(…) schedules of functions run on the local cloud, not {expression} of {target['Arn']}", flush=True)
        return
    event = target.get("Input") or json.dumps({"source": "aws.events", "detail-type": "Scheduled Event"})
    targets[name] = int(rate[1]) * SECONDS[rate[2]], target["Arn"].rsplit(":", 1)[-1], event
