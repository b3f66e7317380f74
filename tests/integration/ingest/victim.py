"""A program that reads a file with a compromised parser, and looks at what happened to it.

    python -m tests.integration.ingest.victim FOLDER LAYERS [USER]

FOLDER is empty; LAYERS is a comma-separated list. The result is JSON: for each attempt of the intruder the
error, or an empty string if it worked; and under `damage` what the victim finds changed.
"""

import ctypes
import json
import os
import signal
import socket
import sys
from pathlib import Path

import msgspec

from ingest import launcher_process, sandbox
from ingest.settings import ParserLimits
from tests.integration.ingest.intruder import Target, become

LAUNCHER = """
from tests.integration.ingest import intruder
def main():
    intruder.serve({layers!r}, {user!r})
"""


def main(folder: Path, layers: list[str], user: int | None) -> dict[str, object]:
    """Prepare a target, let the intruder attack it, and return what came of it."""
    stored = folder / "stored"
    stored.mkdir(mode=0o700)
    shared = folder / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    for name in ("read", "truncated", "deleted"):
        (stored / name).write_text("somebody else's")
    (folder / "hostile_launcher.py").write_text(LAUNCHER.format(layers=layers, user=user))
    sys.path.append(str(folder))
    sandbox._launcher.module = "hostile_launcher"
    # The launcher is started before the change of the user, which may lack access to Python itself.
    sandbox._launcher._control = sandbox._launcher._start()
    if user is not None:
        for path in (folder, stored, *stored.iterdir()):
            os.chown(path, user, user)
        become(user)
    buffer = ctypes.create_string_buffer(b"untouched")
    signals: list[int] = []
    signal.signal(signal.SIGUSR1, lambda number, _: signals.append(number))
    abstract = f"\0luma-{os.getpid()}"
    with (
        socket.socket(socket.AF_UNIX) as postgres,
        socket.socket(socket.AF_UNIX) as other,
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
    ):
        postgres.bind(str(stored / ".s.PGSQL.5432"))
        other.bind(abstract)
        udp.bind(("127.0.0.1", 0))
        for listening in (postgres, other):
            listening.listen()
        target = Target(
            os.getpid(),
            str(stored),
            str(shared),
            str(stored / ".s.PGSQL.5432"),
            abstract,
            tcp.getsockname()[1],
            udp.getsockname()[1],
            ctypes.addressof(buffer),
        )
        file = folder / "file"
        file.write_bytes(msgspec.json.encode(target))
        document = sandbox.parse_in_sandbox(file, ParserLimits())
        damage = {
            "connections": [
                name
                for name, listening in {
                    "postgres": postgres,
                    "abstract": other,
                    "tcp": tcp,
                    "udp": udp,
                }.items()
                if launcher_process._readable(listening, 0)
            ],
            "memory": buffer.value.decode(),
            "signals": len(signals),
            "created": [path.name for path in shared.iterdir()],
            "files": {path.name: path.read_text() for path in stored.iterdir() if path.is_file()},
        }
    results = json.loads(document.passages[0].text)
    return {"attempts": results, "damage": damage}


if __name__ == "__main__":
    _, where, which, *users = sys.argv
    print(json.dumps(main(Path(where), which.split(","), int(users[0]) if users else None)))
