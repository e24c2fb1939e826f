"""Processes that never outlive a test, free ports, and waiting with a deadline."""

import ctypes
import os
import random
import signal
import socket
import subprocess
import threading
import time

PR_SET_PDEATHSIG = 1
# Below the range from which the kernel picks ports for clients, so that none takes a broker's while it is down.
PORTS = range(20000, 32000)


def spawn(command, *, log, detached=False, **options):
    """Starts `command` with standard error, and standard output unless given, in the file `log`.

    It dies with us, however we end, unless detached. The main thread only: the kernel watches the thread.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def die_with_parent():
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    if detached:
        options["start_new_session"] = True
    else:
        assert threading.current_thread() is threading.main_thread(), "spawn belongs to the main thread"
        options["preexec_fn"] = die_with_parent
    with open(log, "ab") as file:
        options.setdefault("stdout", file)
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=file, **options)


def free_ports(count):
    """Ports on loopback that nobody listens on now; each one once per call."""
    found = []
    while len(found) < count:
        port = random.choice(PORTS)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    return found


def until(condition, seconds, what, interval=0.05):
    """The first true result of `condition`. AssertionError after `seconds`; `what` is a text or gives one."""
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {seconds} s: {what() if callable(what) else what}")
        pause.wait(interval)


def tail(path, lines=60):
    """The end of a log, for a failure's message."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return "".join(file.readlines()[-lines:])
    except OSError as error:
        return f"({error})"
