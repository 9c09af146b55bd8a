"""A RabbitMQ node of its own: free ports, own data folder, own epmd, so that it neither meets nor disturbs another one."""

import base64
import os
import shutil
import subprocess
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from tests.stack import debian, rabbit4
from tests.stack.processes import Failed, Process, free_ports, listens, start, wait_until

# Debian's `rabbitmq-server` changes to its own user and then cannot write into our folder; the maker's script does not.
REAL = (Path("/usr/lib/rabbitmq/bin/rabbitmq-server"), Path("/opt/rabbitmq/sbin/rabbitmq-server"))


@dataclass(frozen=True)
class Programs:
    """The commands that run what belongs to one version of RabbitMQ."""

    server: list[str]
    epmd: list[str]
    control: list[str]


class Broker:
    """A node that was started; `wait` until it answers."""

    def __init__(self, home: Path):
        commands = programs(home)
        amqp, management, distribution, names = free_ports(4)
        data = home / "rabbitmq"
        shutil.rmtree(data, ignore_errors=True)
        data.mkdir(parents=True)
        (data / "rabbitmq.conf").write_text(
            f"listeners.tcp.default = 127.0.0.1:{amqp}\n"
            f"management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {management}\n"
            "management_agent.disable_metrics_collector = false\ncollect_statistics_interval = 1000\n"
            "vm_memory_high_watermark.relative = 0.3\ndisk_free_limit.absolute = 100MB\nlog.console.level = warning\n"
        )
        (data / "enabled_plugins").write_text("[rabbitmq_management].\n")
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(data),  # the node keeps its Erlang cookie there
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(names),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"foz{amqp}@localhost",
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_MNESIA_BASE": str(data / "mnesia"),
            "RABBITMQ_LOG_BASE": str(data / "log"),
            "RABBITMQ_CONFIG_FILE": str(data / "rabbitmq"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(data / "enabled_plugins"),
            # Two cores are shared with everything else: idle schedulers must not spin.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+sbwt none +sbwtdcpu none +sbwtdio none",
        }
        # In the foreground and before the node, which would otherwise start one that outlives it.
        self.epmd: Process = start(home, "epmd", [*commands.epmd, "-port", str(names), "-address", "127.0.0.1"], env)
        wait_until(lambda: listens(names), 5, "epmd", self.epmd)
        self.node: Process = start(home, "rabbitmq", commands.server, env)
        self.amqp_url = f"amqp://guest:guest@127.0.0.1:{amqp}/%2f"
        self.management_url = f"http://guest:guest@127.0.0.1:{management}"
        self._ports = amqp, management

    def wait(self) -> None:
        """Until the node takes connections and its management API answers."""
        amqp, management = self._ports
        wait_until(lambda: listens(amqp) and answers(management), 60, "answer of RabbitMQ", self.node)


def control(home: Path, node: int, *arguments: str, program: str = "rabbitmqctl") -> str:
    """What `rabbitmqctl`, or a program beside it, says for the node with this process id below `home`, in that node's environment."""
    environ = Path(f"/proc/{node}/environ").read_text().split("\0")
    env = dict(pair.split("=", 1) for pair in environ if "=" in pair)
    *around, ctl = programs(home).control
    command = [*around, str(Path(ctl).with_name(program)), "-n", env["RABBITMQ_NODENAME"], *arguments]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"{program} {' '.join(arguments)}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def programs(home: Path) -> Programs:
    """This system's programs, or RabbitMQ 4's if `FOZ_BROKER` says so."""
    wanted = os.environ.get("FOZ_BROKER", "")
    if wanted == "4":
        rabbit4.install()
        return Programs(*(rabbit4.command(home, program) for program in (rabbit4.SERVER, rabbit4.EPMD, rabbit4.CONTROL)))
    if wanted:
        raise Failed(f"FOZ_BROKER is {wanted!r}: 4 means RabbitMQ 4 of Debian trixie, without a value it is this system's")
    server, epmd = find_server(), shutil.which("epmd")
    if not epmd:
        raise Failed("RabbitMQ: no epmd (part of Erlang) on the path")
    return Programs([str(server)], [epmd], [str(server.with_name("rabbitmqctl"))])


def answers(port: int) -> bool:
    """Whether the management API is up."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}/api/overview")
    request.add_header("Authorization", "Basic " + base64.b64encode(b"guest:guest").decode())
    try:
        with urllib.request.urlopen(request, timeout=2) as response:
            return response.status == 200
    except (urllib.error.URLError, OSError):
        return False


def find_server() -> Path:
    """The script that starts a node; installed with the system's package manager if there is none."""
    found = [path for path in REAL if path.exists()] or [path.resolve() for path in beside_the_path()]
    if not found:
        print("rabbitmq: installing the system's package (about a minute, once) …", flush=True)
        debian.install("rabbitmq-server", env={"ERL_EPMD_PORT": str(free_ports(1)[0])})
        found = [path for path in REAL if path.exists()]
    if not found:
        raise Failed("RabbitMQ: the package was installed, but it brought no rabbitmq-server that we know")
    return found[0]


def beside_the_path() -> list[Path]:
    """A node of another maker than Debian, found by its script."""
    script = shutil.which("rabbitmq-server")
    return [Path(script)] if script and not Path(script).read_text(errors="replace").count("rabbitmq-script-wrapper") else []
