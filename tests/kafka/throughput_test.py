#!/usr/bin/env python3
"""throughput_test.py VERSION: how fast `run` reads a backlog, beside a consumer that discards it. No duty yet, so only
that all of it was read is checked."""

import json
import os
import sys
import tempfile
import time
import unittest

from confluent_kafka import Consumer, TopicPartition, OFFSET_BEGINNING

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from broker import Broker  # noqa: E402
from consume import read_all  # noqa: E402
from daemon import Rootnote  # noqa: E402
from story import Collectors, PARTITIONS, Record, create_topics  # noqa: E402
from version import run  # noqa: E402

HOSTS, STEPS = 2000, 200
RULES = """
kind host { id host }
signal slow on host { when avg_over_time(disk_wait_seconds[1m]) > 5 for 20s every 10s family latency severity warning }
incidents { hold back 10s  resolve after 60s }
"""


def samples():
    begin = int(time.time()) - STEPS * 10
    for step in range(STEPS):
        for host in range(HOSTS):
            at = begin + step * 10
            value = {"name": "disk", "tags": {"host": f"h{host}", "device": "sda"}, "timestamp": at,
                     "fields": {"wait_seconds": (host * 7 + step) % 100 / 1000, "reads": step * 17, "writes": step * 3}}
            yield Record("telegraf", f"h{host}", json.dumps(value, separators=(",", ":")), at * 1000)


class ThroughputTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.room = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.broker = cls.enterClassContext(Broker(run.version))
        create_topics(cls.broker.address, {"telegraf": PARTITIONS})
        records = list(samples())
        cls.count, cls.bytes = len(records), sum(len(record.value) for record in records)
        collectors = Collectors(cls.broker.address, records)
        collectors.start()
        collectors.join_or_fail()

    def discard(self):
        """Seconds that a consumer takes that only counts."""
        consumer = Consumer({"bootstrap.servers": self.broker.address, "group.id": "discards", "check.crcs": True,
                             "enable.auto.commit": False})
        consumer.assign([TopicPartition("telegraf", partition, OFFSET_BEGINNING) for partition in range(PARTITIONS)])
        began, read = time.monotonic(), 0
        while read < self.count:
            read += len(consumer.consume(10_000, timeout=1))
            self.assertLess(time.monotonic() - began, 120)
        took = time.monotonic() - began
        consumer.close()
        return took

    def test_run_beside_a_consumer_that_discards(self):
        discarding = self.discard()
        rules = os.path.join(self.room, "rules.rn")
        with open(rules, "w", encoding="utf-8") as file:
            file.write(RULES)
        config = {"inputs": [{"topic": "telegraf", "format": "telegraf-json"}]}
        with Rootnote(self.room, self.broker.address, rules, config=config) as rootnote:
            def read():
                return (rootnote.metric("rootnote_kafka_records_consumed_total") or 0) >= self.count
            rootnote.until(lambda: rootnote.metric("rootnote_kafka_records_consumed_total"), 60, "it reads")
            first, began = rootnote.metric("rootnote_kafka_records_consumed_total"), time.monotonic()
            rootnote.until(read, 180, f"{self.count} records are read")
            took = time.monotonic() - began
            self.assertEqual(rootnote.metric("rootnote_kafka_records_consumed_total"), self.count)
            self.assertEqual(rootnote.terminate(), 0)
        rate = (self.count - first) / max(took, 0.001)
        print(f"\n{self.count} records, {self.bytes / 1e6:.0f} MB: run reads {rate:,.0f} records/s "
              f"({rate * self.bytes / self.count / 1e6:.0f} MB/s); a consumer that discards {self.count / discarding:,.0f} "
              f"records/s ({self.bytes / discarding / 1e6:.0f} MB/s)")
        for topic in ("rootnote.late", "rootnote.dead-letter"):
            self.assertEqual(read_all(self.broker.address, topic), [])


if __name__ == "__main__":
    run(__doc__)
