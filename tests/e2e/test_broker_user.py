"""The permissions that the bridge's README gives to its user at the broker are enough, and those for the queues are needed."""

import re
import shlex
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from scripts.environment import ROOT
from tests.e2e import orders
from tests.management import Management
from tests.stack import Stack

README = ROOT / "infra/modules/bridge/README.md"


@pytest.fixture(scope="module")
def stack():
    with Stack(pipeline=Path(__file__).parent / "pipelines" / "orders.yaml") as stack:
        stack.kill("bridge")  # the administrator's
        yield stack


@pytest.fixture(scope="module")
def scenario(stack):
    return orders.scenario(stack)


@pytest.fixture(scope="module")
def permissions() -> dict[str, str]:
    """The README's line, with the lake and the queues of this test."""
    [line] = re.findall(r"^rabbitmqctl set_permissions .*", README.read_text(), re.M)
    for of_readme, here in {"flights": "customers", "planes": "orders", "shop": "flights"}.items():
        line = line.replace(of_readme, here)
    *_, configure, write, read = shlex.split(line)
    return {"configure": configure, "write": write, "read": read}


def as_user(stack: Stack, permissions: dict[str, str], with_management: bool) -> dict[str, str]:
    """The environment of a bridge with a user of these permissions."""
    Management(stack.record["management_url"]).make_user("foz", "word", permissions)
    amqp, management = (urlsplit(stack.record[name]) for name in ("amqp_url", "management_url"))
    return {
        "FOZ_AMQP_URL": amqp._replace(netloc=f"foz:word@{amqp.hostname}:{amqp.port}").geturl(),
        "FOZ_MANAGEMENT_URL": f"http://{management.hostname}:{management.port}" if with_management else "",
    }


def lock_only(permissions: dict[str, str]) -> dict[str, str]:
    """Without the streams' queues among what may be configured."""
    return permissions | {"configure": permissions["configure"].split("|")[0]}


@pytest.mark.parametrize("with_management", [False, True], ids=["declaring", "asking"])
def test_the_readmes_permissions_are_enough(stack, scenario, permissions, with_management):
    granted = lock_only(permissions) if with_management else permissions
    bridge = stack.start_bridge(f"bridge-{with_management}", as_user(stack, granted, with_management))
    scenario.publish(orders.story(scenario, f"user-{with_management}", 20))
    scenario.assert_equal()
    stack.kill(bridge.name)


def test_without_a_management_api_the_queues_must_be_configurable(stack, permissions):
    environment = stack.env("bridge") | as_user(stack, lock_only(permissions), with_management=False)
    checked = subprocess.run([stack.binary("bridge"), "--check"], env=environment, capture_output=True, text=True, check=False)
    assert checked.returncode == 1
    assert "orders.state" in checked.stdout + checked.stderr
    assert "ACCESS_REFUSED" in checked.stdout + checked.stderr
