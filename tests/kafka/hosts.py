"""A small estate that lives now: hosts that send a sample every half second, fail, heal and fall silent on demand."""

import json
import os
import threading
import time

from confluent_kafka import KafkaException, Producer

RULES = """
kind host { id host }
signal failing on host { when host_errors > 0 for 2s every 1s family errors severity major }
signal silent on host { when missing host_errors for 20s family down severity major }
incidents { hold back 1s  resolve after 3s  reopen within 30m }
"""
INPUTS = [{"topic": "metrics", "format": "rootnote-json"}]
PARTITIONS = 4
INTERVAL = 0.5  # seconds


def write_rules(folder, text=RULES):
    path = os.path.join(folder, "hosts.rn")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def sample(host, value, at):
    """at: milliseconds."""
    return json.dumps({"metric": "host_errors", "labels": {"host": host}, "value": value, "time": at})


class Hosts(threading.Thread):
    """h0 to hN, each on one partition. What cannot be delivered is kept, and delivered with its own time later."""

    def __init__(self, address, count, topic="metrics", partitions=PARTITIONS):
        super().__init__(daemon=True)
        self.address, self.topic, self.partitions = address, topic, partitions
        self.names = [f"h{i}" for i in range(count)]
        self.failing, self.silent = set(), set()
        self.stopped = threading.Event()
        self.producer = None
        self.kept = []  # what the producer refuses while the topic is gone

    def connect(self):
        """A new producer: the one before keeps to a topic that was deleted."""
        self.producer = Producer({"bootstrap.servers": self.address, "linger.ms": 5, "enable.idempotence": True,
                                  "message.timeout.ms": 300_000, "log_level": 0, "reconnect.backoff.max.ms": 500,
                                  "queue.buffering.max.messages": 1_000_000})

    def run(self):
        self.connect()
        while not self.stopped.wait(INTERVAL):
            producer, at = self.producer, int(time.time() * 1000)
            now = [(i % self.partitions, name, int(name in self.failing), at)
                   for i, name in enumerate(self.names) if name not in self.silent]
            waiting, self.kept = self.kept + now, []
            for partition, name, value, then in waiting:
                try:
                    producer.produce(self.topic, key=name, value=sample(name, value, then), partition=partition,
                                     timestamp=then)
                except KafkaException:
                    self.kept.append((partition, name, value, then))
            producer.poll(0)

    def stop(self):
        self.stopped.set()
        self.join(30)
        self.producer.flush(30)
