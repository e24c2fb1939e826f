"""The generated estate's story on a real Kafka: partitions, producers, and event times that end about now."""

import json
import os
import re
import subprocess
import threading
import time
import zlib
from datetime import datetime, timedelta, timezone

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get("ROOTNOTE_BINARY", os.path.join(ROOT, "build/release/rootnote"))
DATA = ("telegraf", "synthetic", "events")
PARTITIONS, PRODUCERS = 4, 3
STEP = 10  # seconds of event time: the collectors' interval
MAINTENANCE = re.compile(r"from (\S+ \S+) to (\S+ \S+) in America/Los_Angeles")
LOS_ANGELES = timedelta(hours=-7)  # on the day of the story


def create_topics(address, topics, configuration=None):
    """topics: name -> partitions. Returns when they are there."""
    admin = AdminClient({"bootstrap.servers": address})
    for future in admin.create_topics([NewTopic(name, partitions, 1, config=configuration or {})
                                       for name, partitions in topics.items()]).values():
        future.result(30)


class Record:
    """One record on its way to Kafka. `time`: event time, milliseconds."""

    __slots__ = ("topic", "partition", "key", "value", "time", "headers")

    def __init__(self, topic, key, value, at, partition=None, headers=None):
        self.topic, self.key, self.value, self.time, self.headers = topic, key, value, at, headers
        self.partition = zlib.crc32(key.encode()) % PARTITIONS if partition is None else partition


def topology_key(change):
    """As docs/formats.md says: a compacted topic's key."""
    return change.get("entity") or f"{change['relation']}|{change['from']}|{change['to']}"


def write_lines(path, lines):
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in lines)


class Story:
    """The records of a story in `folder`, as files and for Kafka, shifted by whole minutes to end at `ends` or less
    than a minute before (seconds since 1970; now, unless given), and the rules, their maintenance window shifted too."""

    def __init__(self, folder, name="dns", ends=None, topics=DATA):
        self.folder, self.topics = folder, topics
        raw = os.path.join(folder, "raw")
        subprocess.run([os.path.join(os.path.dirname(BINARY), "rootnote-estate"), "--story", name, "--out", raw],
                       check=True, timeout=120, capture_output=True)
        loaded = {topic: self._load(os.path.join(raw, f"{topic}.jsonl")) for topic in DATA}
        last = max(records[-1][0] for records in loaded.values())
        shift = int(((ends or time.time()) * 1000 - last) // 60_000) * 60_000
        self.records = []
        for topic, records in loaded.items():
            shifted = [self._shifted(topic, record, at + shift) for at, record in records]
            write_lines(self.path(topic), [record.value for record in shifted])
            self.records += shifted
        self.records.sort(key=lambda record: record.time)
        self.begin, self.end = self.records[0].time, self.records[-1].time
        with open(os.path.join(raw, "topology.jsonl"), encoding="utf-8") as file:
            lines = file.read().splitlines()
        write_lines(self.path("topology"), lines)
        self.topology = [Record("topology", topology_key(json.loads(line)), line, self.begin) for line in lines]
        self.rules = os.path.join(folder, "store.rn")
        with open(os.path.join(ROOT, "examples/store/store.rn"), encoding="utf-8") as file:
            text, windows = MAINTENANCE.subn(lambda match: self._window(match, shift), file.read())
        assert windows == 1, "the window of examples/store/store.rn is not where it was"
        with open(self.rules, "w", encoding="utf-8") as file:
            file.write(text)

    @staticmethod
    def _load(path):
        with open(path, encoding="utf-8") as file:
            records = [json.loads(line) for line in file]
        return [(record["timestamp"] * 1000 if "timestamp" in record else record["time"], record) for record in records]

    @staticmethod
    def _shifted(topic, record, at):
        if "timestamp" in record:
            record["timestamp"] = at // 1000
            key = next(iter(record["tags"].values()))
        else:
            record["time"] = at
            key = "/".join(record["labels"].values())
        return Record(topic, key, json.dumps(record, separators=(",", ":")), at)

    @staticmethod
    def _window(match, shift):
        begin, end = (datetime.strptime(text, "%Y-%m-%d %H:%M") - LOS_ANGELES + timedelta(milliseconds=shift)
                      for text in match.groups())
        return f"from {begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} in UTC"

    def path(self, topic):
        return os.path.join(self.folder, f"{topic}.jsonl")

    def replay(self, *flags):
        """The incidents that `rootnote replay` finds: what every run on Kafka is held against."""
        done = subprocess.run([BINARY, "replay", "--rules", self.rules, "--topology", self.path("topology"), "--input",
                               *[self.path(topic) for topic in self.topics], "--output", "-", *flags],
                              capture_output=True, encoding="utf-8", timeout=300, check=False)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def create_topics(self, address, partitions=PARTITIONS):
        create_topics(address, {topic: partitions for topic in self.topics})
        create_topics(address, {"topology": 1}, {"cleanup.policy": "compact"})

    def produce_topology(self, address):
        producer = Producer({"bootstrap.servers": address})
        for record in self.topology:
            producer.produce("topology", key=record.key, value=record.value, timestamp=record.time)
        assert producer.flush(30) == 0

    def step_of(self, at):
        """The collectors' interval, counted from the story's begin, in which `at` (milliseconds) lies."""
        return (at - self.begin) // (STEP * 1000)

    def produce(self, address):
        """All of it, at once, by three producers."""
        collectors = self.collectors(address)
        collectors.start()
        collectors.join_or_fail()

    def collectors(self, address, pace=None, limit=None):
        """Three producers that begin with start(): `pace` steps a second, not beyond step `limit` until release()."""
        return Collectors(address, self.records, pace, limit)


class Collectors(threading.Thread):
    """Three producers; a partition belongs to one of them, so each partition is in the order of time."""

    def __init__(self, address, records, pace=None, limit=None):
        super().__init__(daemon=True)
        self.producers = [Producer({"bootstrap.servers": address, "linger.ms": 5, "message.timeout.ms": 300_000,
                                    "enable.idempotence": True, "queue.buffering.max.messages": 1_000_000,
                                    "log_level": 0}) for _ in range(PRODUCERS)]
        self.records, self.pace, self.limit = records, pace, limit
        self.begin, self.step = records[0].time, 0
        self.changed, self.stopped, self.failure = threading.Condition(), False, None

    def run(self):
        try:
            if self._produce():
                for producer in self.producers:
                    assert producer.flush(300) == 0, "records were not delivered"
        except BaseException as error:  # pylint: disable=broad-except
            self.failure = error

    def _produce(self):
        for record in self.records:
            step = (record.time - self.begin) // (STEP * 1000)
            if step != self.step and not self._wait_for(step):
                return False
            producer = self.producers[record.partition % PRODUCERS]
            producer.produce(record.topic, key=record.key, value=record.value, partition=record.partition,
                             timestamp=record.time, headers=record.headers, on_delivery=self._delivered)
        return True

    def _wait_for(self, step):
        """False when it was stopped."""
        for producer in self.producers:
            producer.poll(0)
        with self.changed:
            due = time.monotonic() + (1 / self.pace if self.pace else 0)
            while not self.stopped:
                now = time.monotonic()
                held = self.limit is not None and step > self.limit
                if not held and now >= due:
                    break
                self.changed.wait(None if held else due - now)
            self.step = step
            self.changed.notify_all()
        return not self.stopped

    def release(self, limit=None, pace=None):
        """Go on to step `limit`, or to the end; at another pace if given."""
        with self.changed:
            self.limit = limit
            self.pace = pace or self.pace
            self.changed.notify_all()

    def wait_step(self, step, seconds=120):
        """Until that step is being produced."""
        with self.changed:
            reached = self.changed.wait_for(lambda: self.step >= step or self.stopped or self.failure, seconds)
        if self.failure:
            raise self.failure
        assert reached, f"step {step} was not reached within {seconds} s; this is {self.step}"

    def _delivered(self, error, _):
        if error and not self.failure:
            self.failure = AssertionError(f"not delivered: {error}")

    def join_or_fail(self, seconds=300):
        self.join(seconds)
        assert not self.is_alive(), "the producers are not through"
        if self.failure:
            raise self.failure

    def stop(self):
        with self.changed:
            self.stopped = True
            self.changed.notify_all()
        self.join(60)


def without_positions(record):
    """What must be equal however the records lay on Kafka: all but where a sample lay."""
    evidence = [{key: value for key, value in item.items() if key not in ("topic", "partition", "offset")}
                for item in record["evidence"]]
    return {**record, "evidence": evidence}


def iso(milliseconds):
    return datetime.fromtimestamp(milliseconds / 1000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def millis(text):
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)
