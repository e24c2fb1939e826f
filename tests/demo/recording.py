"""What `rootnote demo --record` leaves: the records of the incident topic, and the input they came from."""

import json
import os
import random
import subprocess
import time
from datetime import datetime, timezone

DATA = ("telegraf", "synthetic", "events")
LATENESS = 5.0  # seconds, the default of replay and demo
POSITION = ("topic", "partition", "offset")


def seconds(text):
    """RFC 3339 to seconds since 1970."""
    form = "%Y-%m-%dT%H:%M:%S.%fZ" if "." in text else "%Y-%m-%dT%H:%M:%SZ"
    return datetime.strptime(text, form).replace(tzinfo=timezone.utc).timestamp()


def rootnote(*arguments, check=True):
    """Standard output of the binary under test."""
    done = subprocess.run([os.environ["ROOTNOTE_BINARY"], *arguments], capture_output=True, encoding="utf-8",
                          timeout=300, check=False, env={**os.environ, "NO_COLOR": "1"})
    if check and done.returncode != 0:
        raise AssertionError(f"rootnote {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def without_positions(record):
    """Where a sample lay differs between Kafka's partitions and files; nothing else may."""
    evidence = [{key: value for key, value in item.items() if key not in POSITION} for item in record["evidence"]]
    return {**record, "evidence": evidence}


def time_of(line):
    """Event time of an input record, in seconds."""
    record = json.loads(line)
    return record["timestamp"] if "timestamp" in record else record["time"] / 1000


class Recording:
    def __init__(self, story, folder):
        self.story, self.folder = story, folder
        began = time.monotonic()
        self.output = rootnote("demo", story, "--format", "json", "--record", folder)
        self.wall_clock = time.monotonic() - began
        self.records = [json.loads(line) for line in self.output.splitlines()]

    def path(self, name):
        return os.path.join(self.folder, f"{name}.jsonl")

    def input(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def replay(self, *flags, rules="examples/store", folder=None):
        """Output of `rootnote replay` on the recorded input, or on its like in `folder`."""
        folder = folder or self.folder
        inputs = [os.path.join(folder, f"{name}.jsonl") for name in DATA]
        return rootnote("replay", "--rules", rules, "--topology", self.path("topology"), "--input", *inputs,
                        "--output", "-", *flags)

    def explain(self, signal, entity, at):
        return rootnote("explain", "--rules", "examples/store", "--topology", self.path("topology"), "--input",
                        *[self.path(name) for name in DATA], "--signal", signal, "--entity", entity, "--at", at)

    def disorder(self, folder, seed):
        """A copy of the input in `folder`, displaced within the lateness, every tenth record delivered twice."""
        chance = random.Random(seed)
        os.makedirs(folder)
        for name in DATA:
            delivered = []
            with open(self.path(name), encoding="utf-8") as file:
                for number, line in enumerate(file):
                    at = time_of(line)
                    for _ in range(2 if number % 10 == 0 else 1):
                        delivered.append((at + chance.uniform(0, LATENESS - 0.1), line))
            delivered.sort(key=lambda entry: entry[0])
            with open(os.path.join(folder, f"{name}.jsonl"), "w", encoding="utf-8") as file:
                file.writelines(line for _, line in delivered)

    # What the input says, so that the records are held against the data and not against a script.

    def transactions(self):
        """(time, name, region, success) of the synthetic transactions."""
        for record in self.input("synthetic"):
            if "metrics" in record:
                yield (record["time"] / 1000, record["labels"]["name"], record["labels"]["region"],
                       record["metrics"]["synthetic_success"])

    def telegraf(self, measurement):
        """(time, tags, fields) of one measurement."""
        for record in self.input("telegraf"):
            if record["name"] == measurement:
                yield record["timestamp"], record["tags"], record["fields"]

    def failing_disks(self):
        """Disk → time of its first write error."""
        first = {}
        for at, tags, fields in self.telegraf("diskio"):
            if fields["write_errors_total"] > 0:
                first.setdefault(f"disk:{tags['array']}/{tags['disk']}", at)
        return first

    def surge_end(self, edge):
        """When the traffic of an edge went back to normal for good."""
        last, ends = None, 0
        for at, tags, fields in self.telegraf("edge"):
            if tags["edge"] != edge:
                continue
            if last and fields["requests_total"] - last > 1.4 * 50_000:  # ten seconds at 5,000/s
                ends = at
            last = fields["requests_total"]
        return ends
