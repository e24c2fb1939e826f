#!/usr/bin/env python3
"""poison_test.py VERSION: a poison record in every partition: all others flow, each poison is a dead letter, once."""

import json
import os
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from broker import Broker  # noqa: E402
from consume import Reader, read_all  # noqa: E402
from daemon import Rootnote  # noqa: E402
from hosts import INPUTS, sample, write_rules  # noqa: E402
from story import PARTITIONS, Collectors, Record, create_topics  # noqa: E402
from version import run  # noqa: E402

POISON = [
    ("bad_json", b'{"metric":"host_errors","labels":{"host":"h0"'),
    ("bad_utf8", b'{"metric":"host_errors","labels":{"host":"\xff\xfe"},"value":1}'),
    ("unknown_key", b'{"metric":"host_errors","labels":{"host":"h0"},"vlaue":1}'),
    ("empty", b"  "),
    ("too_deep", b"[" * 64 + b"]" * 64),
]
SECONDS = 60


class PoisonTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.room = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.broker = cls.enterClassContext(Broker(run.version))
        rules = write_rules(cls.room)
        create_topics(cls.broker.address, {"metrics": PARTITIONS})
        begin = (int(time.time()) - SECONDS) * 1000
        records, cls.poison = [], {}
        for second in range(SECONDS):
            for partition in range(PARTITIONS):
                at = begin + second * 1000
                host = f"h{partition}"
                records.append(Record("metrics", host, sample(host, int(20 <= second < 40), at), at, partition))
                if second in (25, 41):  # in the middle of what matters
                    cls.add_poison(records, partition, at)
        collectors = Collectors(cls.broker.address, records)
        collectors.start()
        collectors.join_or_fail()
        with Rootnote(cls.room, cls.broker.address, rules, config={"inputs": INPUTS}) as rootnote:
            cls.reader = Reader(cls.broker.address, "rootnote.incidents")
            rootnote.until(lambda: len(cls.closed()) == PARTITIONS, 60, "an incident of every host is resolved")
            cls.reader.close()
            cls.metrics = rootnote.metrics()
            cls.exit_code = rootnote.terminate()
        cls.letters = read_all(cls.broker.address, "rootnote.dead-letter")

    @classmethod
    def add_poison(cls, records, partition, at):
        for reason, value in POISON:
            key = f"{reason} {partition} {at}"
            headers = [("trace", b"\x00\x01"), ("trace", b"again"), ("x-rootnote-reason", b"mine")][:partition]
            cls.poison[key] = (reason, value, partition, at, headers)
            records.append(Record("metrics", key, value, at, partition, headers))

    @classmethod
    def closed(cls):
        return {record["root"][0]["entity"] for record in cls.reader.records() if record["status"] == "resolved"}

    def test_each_once(self):
        self.assertEqual(sorted(letter.key().decode() for letter in self.letters), sorted(self.poison))

    def test_value_and_time_are_untouched(self):
        for letter in self.letters:
            _, value, _, at, _ = self.poison[letter.key().decode()]
            self.assertEqual(letter.value(), value)
            self.assertEqual(letter.timestamp()[1], at)

    def test_headers_stay_and_say_why(self):
        offsets = {message.key().decode(): message.offset() for message in read_all(self.broker.address, "metrics")}
        for letter in self.letters:
            reason, _, partition, _, headers = self.poison[letter.key().decode()]
            self.assertEqual(letter.headers()[:len(headers)], headers)
            added = dict(letter.headers()[len(headers):])
            self.assertEqual(added["__connect.errors.topic"], b"metrics")
            self.assertEqual(added["__connect.errors.partition"], str(partition).encode())
            self.assertEqual(added["__connect.errors.offset"], str(offsets[letter.key().decode()]).encode())
            self.assertEqual(added["__connect.errors.connector.name"], b"rootnote")
            self.assertEqual(added["__connect.errors.stage"], b"VALUE_CONVERTER")
            self.assertTrue(added["__connect.errors.exception.message"].decode().startswith(reason))
            # A header of that name that was there already is kept, and not said twice.
            self.assertEqual(added.get("x-rootnote-reason"),
                             None if "x-rootnote-reason" in dict(headers) else reason.encode())
            for name in ("x-rootnote-format", "x-rootnote-json-pointer", "x-rootnote-byte-offset",
                         "x-rootnote-version"):
                self.assertIn(name, added)

    def test_they_are_counted(self):
        counted = {key: value for key, value in self.metrics.items() if key.startswith("rootnote_parse_errors_total")}
        for reason, _ in POISON:
            self.assertEqual(sum(value for key, value in counted.items() if f'reason="{reason}"' in key),
                             2 * PARTITIONS, counted)

    def test_all_others_flowed(self):
        self.assertEqual(self.closed_entities(), {f"host:h{i}" for i in range(PARTITIONS)})
        self.assertEqual(read_all(self.broker.address, "rootnote.late"), [])
        self.assertEqual(self.exit_code, 0)

    def closed_entities(self):
        return {json.loads(message.value())["root"][0]["entity"]
                for message in read_all(self.broker.address, "rootnote.incidents")}


if __name__ == "__main__":
    run(__doc__)
