#!/usr/bin/env python3
"""outage_test.py VERSION: the broker stops for a minute, freezes, loses connections and records, a topic is made anew.

Hosts send all the time; what the broker cannot take, they deliver later with its own time. After every outage a host
that fails opens an incident, once, and no host is called silent because of silence that was the broker's or ours.
"""

import os
import sys
import tempfile
import time
import unittest

from confluent_kafka.admin import AdminClient

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from broker import Broker  # noqa: E402
from consume import Reader, incidents, read_all  # noqa: E402
from daemon import Rootnote  # noqa: E402
from hosts import INPUTS, PARTITIONS, Hosts, write_rules  # noqa: E402
from process import until  # noqa: E402
from proxy import ADD_OFFSETS_TO_TXN, END_TXN, PRODUCE, TXN_OFFSET_COMMIT  # noqa: E402
from story import create_topics  # noqa: E402
from version import run  # noqa: E402
from wire import delete_records  # noqa: E402

STOPPED, FROZEN = 60, 20  # seconds
OPENS_MAX = 60            # seconds from a failure to its incident, with all that a restart of ours may take
HOSTS = 12
UNAVAILABLE = 69         # exit code


class OutageTest(unittest.TestCase):
    """One broker, one member and one feed for all outages, in the order of their names."""

    @classmethod
    def setUpClass(cls):
        cls.room = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.broker = cls.enterClassContext(Broker(run.version, proxies=1))
        create_topics(cls.broker.address, {"metrics": PARTITIONS})
        cls.hosts = Hosts(cls.broker.address, HOSTS)
        cls.hosts.start()
        cls.addClassCleanup(cls.hosts.stop)
        # Rules look back 10 s, so that they are soon warm again where history is gone.
        config = {"inputs": INPUTS, "kafka": {"start": "latest", "instance": "only"}, "engine": {"lookback": "10s"}}
        cls.rootnote = Rootnote(cls.room, cls.broker.proxies[0].address, write_rules(cls.room), config=config)
        cls.addClassCleanup(cls.rootnote.kill)
        cls.rootnote.start().wait_ready()
        cls.reader = Reader(cls.broker.address, "rootnote.incidents", {"topic.metadata.refresh.interval.ms": 1000})
        cls.addClassCleanup(cls.reader.close)
        cls.failed, cls.silenced = [], []

    def opened(self, host, signal):
        return [record for record in self.reader.records()
                if record["root"][0]["entity"] == f"host:{host}" and record["status"] == "open" and
                any(symptom["signal"] == signal for symptom in record["symptoms"])]

    def expect_incident(self, host, signal="failing"):
        self.rootnote.until(lambda: self.opened(host, signal), OPENS_MAX,
                            lambda: f"{signal} on {host} opens an incident\n{self.rootnote.get('/api/v1/status')[1]}")

    def fail_next(self):
        """The next host fails."""
        host = f"h{len(self.failed)}"
        self.failed.append(host)
        self.hosts.failing.add(host)
        return host

    def supervise(self):
        """As docs/operating.md says, a call into librdkafka that never returns ends the process: with this code only."""
        if not self.rootnote.alive():
            self.assertEqual(self.rootnote.process.returncode, UNAVAILABLE, self.rootnote.tail())
            print("ended with 69 in the outage: started again", flush=True)
            self.rootnote.start()

    def cut_at(self, api, **how):
        trap = self.broker.proxies[0].set_trap(api, cut=True, **how)
        host = self.fail_next()
        self.rootnote.until(trap.sprung.is_set, 30, f"request {api} {how}")
        self.expect_incident(host)

    def test_a_first_failure_opens(self):
        self.expect_incident(self.fail_next())

    def test_b_cut_before_the_record_arrives(self):
        self.cut_at(PRODUCE)

    def test_c_cut_between_offsets_and_commit(self):
        self.cut_at(TXN_OFFSET_COMMIT, after=ADD_OFFSETS_TO_TXN, at_response=True)

    def test_d_cut_before_the_commit_arrives(self):
        self.cut_at(END_TXN, after=PRODUCE)

    def test_e_cut_before_the_commit_is_told(self):
        self.cut_at(END_TXN, after=PRODUCE, at_response=True)

    def test_f_every_connection_is_cut_again_and_again(self):
        for _ in range(10):
            self.broker.proxies[0].cut()
            self.reader.poll(0.3)
        self.expect_incident(self.fail_next())

    def test_g_frozen_broker(self):
        self.broker.freeze()
        frozen = time.monotonic()
        host = self.fail_next()
        until(lambda: time.monotonic() - frozen >= FROZEN, FROZEN + 5, "the freeze", 0.5)
        self.broker.thaw()
        self.supervise()
        self.expect_incident(host)

    def test_h_stopped_broker(self):
        self.broker.stop()
        stopped = time.monotonic()
        host = self.fail_next()
        until(lambda: time.monotonic() - stopped >= STOPPED, STOPPED + 5, "the outage", 0.5)
        self.broker.start()
        self.supervise()
        self.expect_incident(host)

    def test_i_retention_that_ate_the_offsets(self):
        self.assertEqual(self.rootnote.terminate(), 0)
        host = self.fail_next()
        self.hosts.producer.flush(30)
        newest = {message.partition(): message.offset() for message in read_all(self.broker.address, "metrics")}
        delete_records(self.broker.address, "metrics", newest)
        self.rootnote.start().wait_ready()
        self.expect_incident(host)

    def make_anew(self, *, noticed):
        """The topic is deleted and created, at once or when we have said that it is gone."""
        admin = AdminClient({"bootstrap.servers": self.broker.address, "log_level": 0})
        said = self.rootnote.text().count("topic metrics is gone")
        admin.delete_topics(["metrics"])["metrics"].result(30)
        until(lambda: "metrics" not in admin.list_topics(timeout=5).topics, 30, "the topic is gone", 0.2)
        if noticed:
            self.rootnote.until(lambda: self.rootnote.text().count("topic metrics is gone") > said, 30, "it is noticed")
        create_topics(self.broker.address, {"metrics": PARTITIONS})
        self.hosts.connect()
        self.expect_incident(self.fail_next())

    def test_j_topic_made_anew(self):
        self.make_anew(noticed=False)

    def test_k_a_host_that_falls_silent_is_found(self):
        host = self.hosts.names[-1]
        self.hosts.silent.add(host)
        self.silenced.append(host)
        self.expect_incident(host, "silent")

    def test_l_topic_gone_for_a_while(self):
        self.make_anew(noticed=True)

    def test_z_nothing_lost_nothing_twice_nothing_invented(self):
        records = incidents(self.broker.address)
        last, opened = {}, {}
        for record in records:
            self.assertEqual(record["revision"], last.get(record["incident_id"], 0) + 1, record["incident_id"])
            last[record["incident_id"]] = record["revision"]
            if record["revision"] == 1:
                opened.setdefault(record["root"][0]["entity"], []).append(record["incident_id"])
        self.assertEqual(sorted(opened), sorted(f"host:{host}" for host in self.failed + self.silenced))
        for entity, ids in opened.items():
            self.assertEqual(len(ids), 1, f"{entity} opened more than once: {ids}")
        # Those that failed still do: whatever we could not see has resolved nothing.
        for record in records:
            self.assertEqual(record["status"], "open", f"{record['incident_id']}/{record['revision']} {record['reason']}")
            silent = {symptom["entity"] for symptom in record["symptoms"] if symptom["signal"] == "silent"}
            self.assertLessEqual(silent, {f"host:{host}" for host in self.silenced})
        self.assertEqual(self.rootnote.terminate(), 0)


if __name__ == "__main__":
    run(__doc__)
