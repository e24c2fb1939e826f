#!/usr/bin/env python3
"""tickets_test.py VERSION: a ticketing system that reads at least once and is restarted midway ends with one create and
one resolve per incident, through root_changed, reopen and merge."""

import json
import os
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from broker import Broker  # noqa: E402
from consume import incidents  # noqa: E402
from daemon import Rootnote  # noqa: E402
from story import PARTITIONS, Collectors, Record, create_topics  # noqa: E402
from ticketing import Ticketing  # noqa: E402
from version import run  # noqa: E402

# Two applications of one database, each failing for itself before the database's own evidence comes: two incidents
# open, both find the same root, and the later is merged into the first. Much later the database fails once more.
RULES = """
kind app { id app }
kind database { id database }
relation queries : app -> database  carries errors, latency within 2m
signal http_errors on app { when rate(http_errors_total[30s]) > 1 for 10s every 10s family errors severity major }
signal db_errors on database { when rate(db_errors_total[2m]) > 1 for 10s every 10s family errors severity major }
fault database_failure on database { shows any of (db_errors) causes http_errors over queries within 2m }
incidents { hold back 10s  reopen within 30m  resolve after 60s }
"""
MAP = ["app:shop", "app:cms", "database:db1"]
STEP, STEPS = 10, 200
FAILING = {  # series -> steps in which it fails
    "shop": [range(12, 50), range(100, 130)],
    "cms": [range(17, 50), range(100, 130)],
    "db1": [range(22, 50), range(99, 130)],
}


def samples(begin):
    """begin: milliseconds."""
    totals = dict.fromkeys(FAILING, 0)
    for step in range(STEPS):
        at = begin + step * STEP * 1000
        for i, (name, failing) in enumerate(FAILING.items()):
            totals[name] += 100 if any(step in steps for steps in failing) else 0
            metric, label = ("db_errors_total", "database") if name == "db1" else ("http_errors_total", "app")
            value = {"metric": metric, "labels": {label: name}, "value": totals[name], "time": at}
            yield Record("metrics", name, json.dumps(value), at, i % PARTITIONS)


class TicketsTest(unittest.TestCase):
    restarts = 0

    @classmethod
    def setUpClass(cls):
        cls.room = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.broker = cls.enterClassContext(Broker(run.version))
        address = cls.broker.address
        rules = os.path.join(cls.room, "rules.rn")
        with open(rules, "w", encoding="utf-8") as file:
            file.write(RULES)
        create_topics(address, {"metrics": PARTITIONS})
        create_topics(address, {"topology": 1}, {"cleanup.policy": "compact"})
        begin = int(time.time() - STEPS * STEP) * 1000
        changes = [Record("topology", name, json.dumps({"entity": name}), begin, 0) for name in MAP]
        changes += [Record("topology", f"queries|{app}|{MAP[2]}",
                           json.dumps({"relation": "queries", "from": app, "to": MAP[2]}), begin, 0) for app in MAP[:2]]
        cls.produce(changes)
        config = {"inputs": [{"topic": "topology", "role": "topology", "format": "rootnote-json"},
                             {"topic": "metrics", "format": "rootnote-json"}]}
        cls.ticketing = Ticketing(address)
        with Rootnote(cls.room, address, rules, config=config) as rootnote:
            cls.produce(list(samples(begin)))
            rootnote.wait_ready()
            cls.ticketing.start()
            rootnote.until(cls.work, 60, "two episodes were worked on")
        cls.records = incidents(address)
        cls.ticketing.poll(2)
        cls.ticketing.close()

    @classmethod
    def produce(cls, records):
        collectors = Collectors(cls.broker.address, records)
        collectors.start()
        collectors.join_or_fail()

    @classmethod
    def work(cls):
        """Reads a little and is restarted, three times; then reads on."""
        cls.ticketing.poll(0.5, most=2 if cls.restarts < 3 else None)
        if cls.restarts < 3 and cls.ticketing.uncommitted:
            cls.restarts += 1
            cls.ticketing.restart()
        tickets = cls.ticketing.tickets.values()
        return any("reopen" in ticket["actions"] for ticket in tickets) and not any(ticket["open"] for ticket in tickets)

    def test_the_story_has_what_it_is_for(self):
        states = {record["state"] for record in self.records}
        self.assertLessEqual({"open", "updated", "resolved", "reopened", "merged"}, states)
        self.assertIn("root_changed", {record["reason"] for record in self.records})

    def test_it_read_some_of_it_again(self):
        self.assertGreater(self.ticketing.again, 0)

    def test_one_create_and_one_resolve(self):
        self.assertEqual(set(self.ticketing.tickets), {record["incident_id"] for record in self.records})
        reopened = {record["incident_id"] for record in self.records if record["state"] == "reopened"}
        for incident in self.ticketing.tickets:
            again = ["reopen", "resolve"] if incident in reopened else []
            self.assertEqual(self.ticketing.steps(incident), ["create", "resolve", *again], incident)

    def test_the_merged_one_names_the_survivor(self):
        merged = [record for record in self.records if record["state"] == "merged"]
        for record in merged:
            self.assertIn(record["merged_into"], self.ticketing.tickets)
            after = [later for later in self.records if later["incident_id"] == record["incident_id"] and
                     later["revision"] > record["revision"]]
            self.assertEqual(after, [])


if __name__ == "__main__":
    run(__doc__)
