#!/usr/bin/env python3
"""operate_test.py VERSION: what an operator sees and does: metrics, status, log, standby, reload, rolling restart."""

import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from urllib.parse import quote

from confluent_kafka.admin import AdminClient, NewPartitions

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from broker import Broker  # noqa: E402
from consume import Reader, incidents  # noqa: E402
from daemon import Rootnote, fetch  # noqa: E402
from hosts import INPUTS, PARTITIONS, RULES, Hosts, write_rules  # noqa: E402
from process import free_ports, spawn, tail, until  # noqa: E402
from story import create_topics  # noqa: E402
from version import run  # noqa: E402

ROLLING_MAX = 20  # seconds
GROWN = PARTITIONS + 2


class OperateTest(unittest.TestCase):
    """One broker, two members, one feed for all, in the order of their names."""

    @classmethod
    def setUpClass(cls):
        cls.room = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.broker = cls.enterClassContext(Broker(run.version))
        cls.rules = write_rules(cls.room)
        config = {"inputs": INPUTS, "kafka": {"start": "latest", "consumer": {
            "topic.metadata.refresh.interval.ms": "1000"}}}
        cls.left, cls.right = [Rootnote(cls.room, cls.broker.address, cls.rules, name=name,
                                        config={**config, "kafka": {**config["kafka"], "instance": name}})
                               for name in ("left", "right")]
        for member in (cls.left, cls.right):
            cls.addClassCleanup(member.kill)
        cls.reader = Reader(cls.broker.address, "rootnote.incidents")
        cls.addClassCleanup(cls.reader.close)
        cls.admin = AdminClient({"bootstrap.servers": cls.broker.address})
        cls.hosts = None

    def expect_incident(self, host, member):
        self.hosts.failing.add(host)
        member.until(lambda: [record for record in self.reader.records()
                              if record["root"][0]["entity"] == f"host:{host}"], 30, f"an incident of {host}")

    def test_a_waits_for_a_topic_that_is_not_there(self):
        self.left.start()
        self.left.wait_log(r"metrics", 30)
        self.assertFalse(self.left.ready())
        lines = [line for line in self.left.text().splitlines() if "metrics" in line]
        until(lambda: self.left.get("/-/healthy")[0] == 200, 10, "healthy")
        create_topics(self.broker.address, {"metrics": PARTITIONS})
        type(self).hosts = Hosts(self.broker.address, GROWN)
        self.hosts.start()
        self.addClassCleanup(self.hosts.stop)
        self.left.wait_ready()
        self.assertEqual(len(lines), 1, lines)
        self.expect_incident("h0", self.left)

    def test_b_a_second_member_stands_by(self):
        self.right.start()
        self.right.until(lambda: (self.right.json("/api/v1/status") or {}).get("role") == "standby", 30, "a standby")
        status, body = self.right.get("/-/ready")
        self.assertEqual(status, 503, body)
        self.assertTrue(self.left.ready())

    def test_c_the_status_says_it_all(self):
        status = self.left.json("/api/v1/status")
        self.assertEqual((status["role"], status["ready"]), ("active", True))
        for key in ("version", "started_at", "config", "rules", "kafka", "phase", "watermark", "topology", "partitions"):
            self.assertIn(key, status)
        self.assertEqual(status["rules"]["signals"], 2)
        partitions = {(entry["topic"], entry["partition"]): entry for entry in status["partitions"]}
        self.assertEqual(set(partitions), {("metrics", i) for i in range(PARTITIONS)})

        def caught_up():
            entries = self.left.json("/api/v1/status")["partitions"]
            return all(entry["next_offset"] > 0 and entry.get("lag", 1000) < 50 for entry in entries)
        self.left.until(caught_up, 30, "lag")

    def test_d_metrics_are_sound(self):
        for member in (self.left, self.right):
            text = member.get("/metrics")[1]
            done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, encoding="utf-8",
                                  timeout=30, check=False)
            self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""), member.name)
        names = {key.split("{")[0] for key in self.left.metrics()}
        wanted = {"rootnote_kafka_consumer_lag_records", "rootnote_watermark_delay_seconds",
                  "rootnote_kafka_rebalances_total", "rootnote_kafka_records_consumed_total",
                  "rootnote_build_info"}
        self.assertLessEqual(wanted, names, sorted(names))

    def test_e_prometheus_scrapes_it(self):
        port = free_ports(1)[0]
        config = {"global": {"scrape_interval": "1s"},
                  "scrape_configs": [{"job_name": "rootnote", "static_configs": [
                      {"targets": [f"127.0.0.1:{member.port}" for member in (self.left, self.right)]}]}]}
        path, log = (os.path.join(self.room, name) for name in ("prometheus.yml", "prometheus.log"))
        with open(path, "w", encoding="utf-8") as file:
            json.dump(config, file)
        prometheus = spawn(["prometheus", f"--config.file={path}", f"--web.listen-address=127.0.0.1:{port}",
                            f"--storage.tsdb.path={os.path.join(self.room, 'tsdb')}"], log=log)

        def query(text):
            answer = fetch(f"http://127.0.0.1:{port}/api/v1/query?query={quote(text)}")
            return json.loads(answer[1])["data"]["result"] if answer[0] == 200 else []
        try:
            self.left.until(lambda: len([r for r in query("up") if r["value"][1] == "1"]) == 2, 60,
                            lambda: f"two targets are up\n{tail(log)}")
            lag = self.left.until(lambda: query("rootnote_kafka_consumer_lag_records"), 30, "the lag is stored")
            self.assertTrue(all("partition" in entry["metric"] for entry in lag))
        finally:
            prometheus.kill()
            prometheus.wait()

    def test_f_the_log_is_json(self):
        for member in (self.left, self.right):
            lines = member.text().splitlines()
            self.assertTrue(lines)
            for line in lines:
                entry = json.loads(line)
                self.assertLessEqual({"ts", "level", "msg"}, set(entry), line)

    def test_g_partitions_that_are_added_are_read(self):
        self.admin.create_partitions([NewPartitions("metrics", GROWN)])["metrics"].result(30)
        self.hosts.partitions = GROWN
        self.hosts.connect()
        self.expect_incident(f"h{GROWN - 1}", self.left)

    def test_h_reload_of_rules(self):
        self.hosts.failing.add("h1")
        write_rules(self.room, RULES + 'signal warm on host { when host_errors > 5 for 2s family saturation severity '
                    'warning }\n')
        self.left.process.send_signal(1)
        self.left.until(lambda: (self.left.json("/api/v1/status") or {}).get("rules", {}).get("signals") == 3, 30,
                        "the new rule")
        # Rules with errors change nothing, and are said so.
        write_rules(self.room, RULES + "signal broken on nothing {")
        self.left.process.send_signal(1)
        self.left.until(lambda: self.left.json("/api/v1/status")["config"]["last_reload_successful"] is False, 30,
                        "the failed reload is shown")
        self.assertEqual(self.left.json("/api/v1/status")["rules"]["signals"], 3)
        self.left.wait_ready()
        write_rules(self.room)
        self.left.process.send_signal(1)
        self.left.until(lambda: self.left.json("/api/v1/status")["rules"]["signals"] == 2, 30, "the old rules again")
        self.left.wait_ready()

    def test_i_rolling_restart(self):
        for leaving, taking in ((self.left, self.right), (self.right, self.left)):
            self.assertEqual(leaving.terminate(), 0)
            taking.until(taking.ready, ROLLING_MAX, f"{taking.name} takes over")
            leaving.start()
            leaving.until(lambda leaving=leaving: leaving.get("/-/healthy")[0] == 200, 30, "healthy")
        self.expect_incident("h2", self.left)

    def test_z_each_incident_once(self):
        records = incidents(self.broker.address)
        last = {}
        for record in records:
            self.assertEqual(record["revision"], last.get(record["incident_id"], 0) + 1, record["incident_id"])
            last[record["incident_id"]] = record["revision"]
        self.assertEqual({record["root"][0]["entity"] for record in records},
                         {f"host:h{i}" for i in (0, 1, 2, GROWN - 1)})
        self.assertEqual(len(last), 4)
        self.assertFalse(any(re.search(r'"signal": ?"silent"', json.dumps(record)) for record in records))


if __name__ == "__main__":
    run(__doc__)
