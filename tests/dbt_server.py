"""dbt for forked commands: its processes are forked, too, by one that has it imported.

A command of the platform starts ``roster-platform-dbt``, which imports dbt and reads the
parsed project: as much as a small build. In the short form of the suite it finds a client
in its place, a script that imports nothing. It hands its output over to the server,
which forks a process for the command and ends it when the client ends.
"""

from __future__ import annotations

import atexit
import json
import os
import selectors
import signal
import socket
import sys
import tempfile
import time
from contextlib import nullcontext
from functools import cache
from pathlib import Path

_MESSAGE_BYTES = 1 << 20
_CLIENT = """#!{python} -IS
import array, json, os, socket, sys
client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
client.connect({address!r})
message = json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]).encode()
outputs = array.array("i", [1, 2])
client.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, outputs)])
sys.exit(int(client.recv(16) or 1))
"""


@cache
def dbt_client(process: int) -> str:
    """The path of a client whose server ends with this process, whose id is given."""
    from tests.forks import forks

    assert process == os.getpid()
    # The path of a socket has to be short.
    folder = Path(tempfile.mkdtemp(prefix="dbt-"))
    address, client = str(folder / "socket"), folder / "roster-platform-dbt"
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listening.bind(address)
    listening.listen(16)
    forks.Process(target=_serve, args=(listening,), daemon=True).start()
    client.write_text(_CLIENT.format(python=sys.executable, address=address))
    client.chmod(0o700)
    return str(client)


def _serve(listening: socket.socket) -> None:
    attending = 0
    while True:
        connection, _ = listening.accept()
        while attending and os.waitpid(-1, os.WNOHANG) != (0, 0):
            attending -= 1
        attending += 1
        if os.fork() == 0:
            listening.close()
            _attend(connection)
            os._exit(0)
        connection.close()


def _attend(connection: socket.socket) -> None:
    """Run the command of a client in a process, which ends when the client does."""
    message, outputs, _, _ = socket.recv_fds(connection, _MESSAGE_BYTES, 2)
    words, environment, folder = json.loads(message)
    process = os.fork()
    if process == 0:
        connection.close()
        for ours, theirs in zip((1, 2), outputs, strict=True):
            os.dup2(theirs, ours)
            os.close(theirs)
        status = _run(words, environment, folder)
        # What a program does at its end.
        atexit._run_exitfuncs()
        sys.stdout.flush()
        os._exit(status)
    for output in outputs:
        os.close(output)
    ended = os.pidfd_open(process)
    with selectors.DefaultSelector() as selector:
        selector.register(ended, selectors.EVENT_READ)
        selector.register(connection, selectors.EVENT_READ)
        (ready, *_) = selector.select()
    if ready[0].fd != ended:
        os.kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    connection.send(str(os.waitstatus_to_exitcode(status)).encode())


def _run(words: list[str], environment: dict[str, str], folder: str) -> int:
    """What roster_platform.dbt_process does, with the parsed project where it fits."""
    from dbt.cli.main import dbtRunner
    from filelock import FileLock

    from roster_platform import dbt_process
    from roster_platform.child_environment import drop_foreign_dbt
    from tests.parsed import parsed_manifest

    # The server ends this process, which is no child of the one that is named.
    environment.pop(dbt_process.OWNER, None)
    lock = environment.get(dbt_process.LOCK)
    os.environ.clear()
    os.environ.update(environment)
    drop_foreign_dbt(os.environ)
    time.tzset()
    os.chdir(folder)
    is_duckdb = environment.get("ROSTER_PLATFORM__DESTINATION", "duckdb") == "duckdb"
    with FileLock(lock) if lock else nullcontext():
        runner = dbtRunner(manifest=parsed_manifest() if is_duckdb else None)
        done = runner.invoke(words)
        if done.exception:
            print(done.exception)
    return 0 if done.success else 2 if done.exception else 1
