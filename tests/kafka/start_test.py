#!/usr/bin/env python3
"""start_test.py VERSION: first start on a topic with a week of history: latest, earliest, a time, and a shadow run.

In the week h0 failed five days ago, h1 two hours ago, both for half an hour; h2 fails since ten minutes and still does;
h3 never did.
"""

import os
import sys
import tempfile
import time
import unittest

from confluent_kafka.admin import AdminClient

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from broker import Broker  # noqa: E402
from consume import incidents, read_all  # noqa: E402
from daemon import Rootnote  # noqa: E402
from hosts import INPUTS, PARTITIONS, Hosts, sample, write_rules  # noqa: E402
from story import Collectors, Record, create_topics, iso, millis  # noqa: E402
from version import run  # noqa: E402

RULES = """
kind host { id host }
signal failing on host { when host_errors > 0 for 20s every 10s family errors severity major }
incidents {
  hold back 10s  resolve after 60s
  route severity >= major to topic "OUTPUT.tickets"
}
"""
MINUTE, HOUR, DAY = 60, 3600, 86400
FAILED = {"h0": (5 * DAY, 5 * DAY - HOUR // 2), "h1": (2 * HOUR, 2 * HOUR - HOUR // 2), "h2": (10 * MINUTE, 0)}


def week(now):
    for at in range(now - 7 * DAY + HOUR, now, MINUTE):
        for partition in range(PARTITIONS):
            host = f"h{partition}"
            since, until = FAILED.get(host, (0, 0))
            failing = now - since <= at < now - until
            yield Record("metrics", host, sample(host, int(failing), at * 1000), at * 1000, partition)


class StartTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.room = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.broker = cls.enterClassContext(Broker(run.version))
        create_topics(cls.broker.address, {"metrics": PARTITIONS}, {"retention.ms": "-1"})
        cls.now = int(time.time())
        collectors = Collectors(cls.broker.address, list(week(cls.now)))
        collectors.start()
        collectors.join_or_fail()
        cls.hosts = Hosts(cls.broker.address, 4)
        cls.hosts.failing.add("h2")
        cls.hosts.start()
        cls.addClassCleanup(cls.hosts.stop)

    def run_from(self, name, start, flags=(), until=None, suffix=""):
        """A first start with names of its own; the incidents, and what was routed, once `until` holds for them."""
        folder = os.path.join(self.room, name)
        os.makedirs(folder)
        topics = {key: f"{name}.{key.replace('_', '-')}" for key in ("incidents", "dead_letter", "late", "unresolved")}
        config = {"inputs": INPUTS, "kafka": {"group": name, "start": start}, "outputs": topics}
        rules = write_rules(folder, RULES.replace("OUTPUT", name))
        with Rootnote(folder, self.broker.address, rules, name=name, config=config, flags=flags) as rootnote:
            def holds():
                records = incidents(self.broker.address, topics["incidents"] + suffix)
                return rootnote.ready() and until(records) and records
            rootnote.until(holds, 90, "the incidents of the start")
            self.assertEqual(rootnote.terminate(), 0)
        self.assertEqual(read_all(self.broker.address, topics["late"] + suffix), [])
        return (incidents(self.broker.address, topics["incidents"] + suffix),
                incidents(self.broker.address, f"{name}.tickets"))

    @staticmethod
    def roots(records, **fields):
        return {record["root"][0]["entity"] for record in records
                if all(record.get(key) == value for key, value in fields.items())}

    def test_latest_opens_no_ticket_for_what_is_over(self):
        records, routed = self.run_from("latest", "latest", until=lambda r: self.roots(r, status="open"))
        self.assertEqual(self.roots(records), {"host:h2"})
        self.assertEqual(self.roots(routed), {"host:h2"})
        # What is open is read back as far as rules need it.
        self.assertEqual({record["revision"] for record in records}, {1})
        self.assertLess(millis(records[0]["started_at"]), self.now * 1000 + 60_000)
        self.assertFalse(records[0].get("catching_up"))

    def test_earliest_replays_the_week_and_routes_nothing_of_it(self):
        records, routed = self.run_from("earliest", "earliest", until=lambda r: "host:h2" in self.roots(r, status="open")
                                        and not all(record.get("catching_up") for record in r))
        self.assertEqual(self.roots(records), {"host:h0", "host:h1", "host:h2"})
        for host, (since, until) in FAILED.items():
            revisions = [record for record in records if record["root"][0]["entity"] == f"host:{host}"]
            self.assertTrue(revisions[0].get("catching_up"), host)
            onset = (self.now - since) * 1000
            self.assertLess(abs(millis(revisions[0]["started_at"]) - onset), 3 * MINUTE * 1000,
                            f"{host} failed at {iso(onset)}")
            self.assertEqual(revisions[-1]["status"], "resolved" if until else "open")
        # Once it has caught up, what still is open goes where it belongs.
        self.assertEqual(self.roots(routed), {"host:h2"})
        self.assertFalse(any(record.get("catching_up") for record in routed))

    def test_a_time_begins_there(self):
        since = iso((self.now - 3 * HOUR) * 1000)
        records, routed = self.run_from("time", since, until=lambda r: "host:h2" in self.roots(r, status="open")
                                        and not all(record.get("catching_up") for record in r))
        self.assertEqual(self.roots(records), {"host:h1", "host:h2"})
        self.assertEqual(self.roots(records, status="resolved"), {"host:h1"})
        self.assertEqual(self.roots(routed), {"host:h2"})

    def test_shadow_writes_beside_and_routes_nothing(self):
        records, routed = self.run_from("shadow", "latest", flags=["--shadow"], suffix=".shadow",
                                        until=lambda r: self.roots(r, status="open"))
        self.assertEqual(self.roots(records), {"host:h2"})
        self.assertEqual(routed, [])
        topics = {name for name in self.topics() if name.startswith("shadow.")}
        self.assertTrue(topics)
        self.assertTrue(all(name.endswith(".shadow") or ".shadow." in name for name in topics), topics)

    def topics(self):
        return AdminClient({"bootstrap.servers": self.broker.address}).list_topics(timeout=10).topics


if __name__ == "__main__":
    run(__doc__)
