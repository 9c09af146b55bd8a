"""RabbitMQ 4 of Debian trixie in a root of its own, beside whatever this system has: `FOZ_BROKER=4` runs tests against it.

The packages are unpacked, not installed: nothing of them is configured, started, or seen by the rest of the system.
"""

import os
import shutil
import tempfile
from pathlib import Path

from tests.stack import debian
from tests.stack.processes import Failed

ROOT = Path.home() / ".cache" / "foz" / "rabbitmq-4"
MIRROR = "http://deb.debian.org/debian"
SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
EPMD = Path("/usr/bin/epmd")
CONTROL = SERVER.with_name("rabbitmqctl")

# The namespace ends with the process, and with it what was mounted.
ENTER = """
mount --rbind /proc "$0/proc" && mount --rbind /dev "$0/dev" && mkdir -p "$0$1" && mount --bind "$1" "$0$1" || exit 1
root=$0; shift; exec chroot "$root" "$@"
"""


def command(home: Path, program: Path) -> list[str]:
    """What runs a program of the root, which sees of this system only `home`, at its own place."""
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", ENTER, str(ROOT), str(home), str(program)]


def install() -> None:
    """Makes the root if it is not there: a minute, once."""
    if (ROOT / SERVER.relative_to("/")).exists():
        return
    if os.geteuid() != 0:
        raise Failed("RabbitMQ 4: a root of its own needs root; run the tests as root, or without FOZ_BROKER")
    if not shutil.which("debootstrap"):
        debian.install("debootstrap")
    print("rabbitmq: unpacking RabbitMQ 4 of Debian trixie (about a minute, once) …", flush=True)
    ROOT.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT.parent) as folder:
        fetched, root = Path(folder) / "fetched", Path(folder) / "root"
        debian.run(["debootstrap", "--variant=minbase", "--download-only", "--include=rabbitmq-server", "trixie", str(fetched), MIRROR])
        root.mkdir()
        # The first one links /bin, /lib and the like to what is under /usr; the others must find that.
        packages = sorted(fetched.glob("var/cache/apt/archives/*.deb"), key=lambda each: not each.name.startswith("base-files_"))
        for package in packages:
            debian.run(["sh", "-c", 'dpkg-deb --fsys-tarfile "$0" | tar -x -C "$1" --keep-directory-symlink', str(package), str(root)])
        # What the packages' scripts would make of it, as far as a node asks for it.
        for made, master in (("passwd", "passwd.master"), ("group", "group.master")):
            shutil.copy(root / "usr/share/base-passwd" / master, root / "etc" / made)
        (root / "etc/hosts").write_text("127.0.0.1 localhost\n")
        root.rename(ROOT)
