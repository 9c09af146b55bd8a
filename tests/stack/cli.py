"""The commands of `run.py`."""

import signal

if __name__ == "__main__":
    # Until main() catches it, Ctrl-C just ends: importing takes a second, and there is nothing to stop yet.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import argparse
import os
import sys
import time
from pathlib import Path

from scripts.environment import ROOT
from tests.stack import processes, record, terraform
from tests.stack.cloud import HOME, Stack
from tests.stack.processes import Failed, Process


def up(options: argparse.Namespace) -> None:
    """Starts the cloud and leaves it running."""
    began = time.monotonic()
    pipeline = Path(options.pipeline)
    if not pipeline.is_file():
        raise Failed(f"{pipeline}: there is no such file")
    stack = Stack(pipeline, home=HOME, build=not options.no_build)
    stack.check()
    replaces = running(HOME)
    if replaces:
        print(f"replaces {replaces}; its data are gone", file=sys.stderr, flush=True)
    stack.open()
    stack.leave_running()
    known = stack.record
    print(f"up after {time.monotonic() - began:.0f} s: lake {known['lake']}; .local/stack.json says where everything is")
    print(f"  RabbitMQ    {known['amqp_url']}")
    print(f"  management  {known['management_url']}")
    print(f"  AWS         {known['aws_endpoint_url']} ({known['region']})")
    print(f"  logs        {known['log_folder']}")


def running(home: Path) -> str | None:
    """The stack that runs in this folder, in words."""
    if not any(process.alive() for process in processes.recorded(home)) and not processes.marked(home):
        return None
    known = record.read(home)
    return f"the running stack of lake {known['lake']} ({known['pipeline']})" if "lake" in known else "a running stack"


def down(_options: argparse.Namespace) -> None:
    """Stops it."""
    stopped = processes.stop_all(HOME)
    print("stopped: " + ", ".join(stopped) if stopped else "nothing was running")


def restart(options: argparse.Namespace) -> None:
    """Restarts one part."""
    known = record.read(HOME)
    if not known:
        raise Failed("nothing runs here: `make up` first")
    Stack(known["pipeline"], home=HOME).restart(options.what)
    print(f"restarted: {options.what}")


def status(_options: argparse.Namespace) -> None:
    """Says what runs."""
    known = record.read(HOME)
    if not known:
        raise Failed("nothing runs here: `make up` first")
    for name, entry in known["processes"].items():
        print(f"{name:14} {'runs' if Process(**entry).alive() else 'ended':6} {entry['pid']:8}  {entry['log']}")
    for name, pids in known.get("functions_running", {}).items():
        print(f"{name:14} {'runs' if pids else 'idle':6} {' '.join(map(str, pids)):>8}  {known['log_folder']}/{name}.log")


def run_terraform(options: argparse.Namespace) -> None:
    """Becomes Terraform."""
    os.chdir(ROOT)
    program = str(terraform.find())
    os.execve(program, [program, *options.arguments], terraform.environment())


def main() -> None:
    """Runs the command; what a person can do something about is one line."""
    parser = argparse.ArgumentParser(prog="run.py")
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("up", help=up.__doc__)
    command.add_argument("--pipeline", default=ROOT / "infra/tests/fixtures/two_streams/pipeline.yaml")
    command.add_argument("--no-build", action="store_true", help="run the programs as they are")
    command.set_defaults(run=up)
    commands.add_parser("down", help=down.__doc__).set_defaults(run=down)
    command = commands.add_parser("restart", help=restart.__doc__)
    command.add_argument("what")
    command.set_defaults(run=restart)
    commands.add_parser("status", help=status.__doc__).set_defaults(run=status)
    command = commands.add_parser("terraform", help=run_terraform.__doc__)
    command.add_argument("arguments", nargs=argparse.REMAINDER)
    command.set_defaults(run=run_terraform)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # stops what was started, as Ctrl-C does
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        options.run(options)
    except Failed as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
