"""One `rootnote run` under test."""

import copy
import json
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request

from process import free_ports, spawn, tail, until
from story import BINARY

STOP_MAX = 10  # seconds, what SIGTERM promises
SESSION = "3000"  # milliseconds: takeovers that a test can wait for

INPUTS = [
    {"topic": "topology", "role": "topology", "format": "rootnote-json"},
    {"topic": "telegraf", "format": "telegraf-json"},
    {"topic": "^(synthetic|events)$", "format": "rootnote-json"},
]
# A story that was recorded is not news that is late: as in replay, nothing is said about catching up.
RECORDED = {"engine": {"catching_up_after": "24h"}}


def merged(base, more):
    """`more` over `base`, map by map."""
    result = copy.copy(base)
    for key, value in more.items():
        result[key] = merged(base[key], value) if isinstance(value, dict) and isinstance(base.get(key), dict) else value
    return result


def fetch(address):
    """(status, body); status 0 when nobody answers."""
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


class Rootnote:
    """A member of the group, with a configuration file and a log in `folder`. Configuration is JSON, which is YAML."""

    def __init__(self, folder, address, rules, *, name="one", config=None, flags=(), environment=None):
        self.folder, self.name, self.flags = folder, name, list(flags)
        self.port = free_ports(1)[0]
        self.log = os.path.join(folder, f"{name}.log")
        self.path = os.path.join(folder, f"{name}.yaml")
        self.environment = {**os.environ, "NO_COLOR": "1", **(environment or {})}
        self.config = merged({
            "rules": [rules],
            "kafka": {"bootstrap_servers": address, "group": "rootnote", "start": "earliest",
                      "properties": {"reconnect.backoff.max.ms": "500"},
                      "consumer": {"session.timeout.ms": SESSION, "heartbeat.interval.ms": "500"}},
            "inputs": INPUTS,
            "engine": {"threads": 2},
            "http": {"port": self.port},
        }, config or {})
        self.process, self.started_at = None, None

    def start(self):
        with open(self.path, "w", encoding="utf-8") as file:
            json.dump(self.config, file, indent=1)
        self.process = spawn([BINARY, "run", "-c", self.path, *self.flags], log=self.log, env=self.environment)
        self.started_at = time.monotonic()
        return self

    # Its end

    def kill(self):
        """As a crash: kill -9."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()

    def terminate(self, seconds=STOP_MAX):
        """SIGTERM; the exit code. AssertionError if it takes longer than promised."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait(seconds)

    def wait(self, seconds):
        """The exit code once it has ended by itself."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} has not ended within {seconds} s\n{self.tail()}") from None

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def __enter__(self):
        return self if self.process else self.start()

    def __exit__(self, kind, *_):
        self.kill()
        if kind is not None:
            print(f"--- log of {self.name}\n{self.tail()}---", flush=True)

    # What it says

    def tail(self, lines=60):
        return tail(self.log, lines)

    def text(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def get(self, path):
        return fetch(f"http://127.0.0.1:{self.port}{path}")

    def json(self, path):
        status, body = self.get(path)
        return json.loads(body) if status == 200 else None

    def until(self, condition, seconds, what):
        """The first true result of `condition`; a failure after `seconds`, or as soon as this member has ended."""
        def living():
            alive = self.alive()
            result = condition()
            if not result and not alive:
                text = what() if callable(what) else what
                raise AssertionError(f"{self.name} ended with {self.process.returncode} before: {text}\n{self.tail()}")
            return result
        return until(living, seconds, lambda: f"{what() if callable(what) else what}\n{self.tail()}", 0.1)

    def ready(self):
        return self.get("/-/ready")[0] == 200

    def wait_ready(self, seconds=60):
        self.until(self.ready, seconds, f"{self.name} is ready")
        return self

    def wait_log(self, pattern, seconds=30):
        """The first match of an expression in the log."""
        return self.until(lambda: re.search(pattern, self.text()), seconds, f"{self.name} logs {pattern}")

    def metrics(self):
        """Name with labels -> value."""
        found = {}
        for line in self.get("/metrics")[1].splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                found[name] = float(value)
        return found

    def metric(self, name):
        """The sum over all labels; None if there is none of that name."""
        values = [value for key, value in self.metrics().items() if key.split("{")[0] == name]
        return sum(values) if values else None
