#!/usr/bin/env python3
"""security_test.py VERSION: SASL, TLS, and exactly the rights that docs/operating.md lists, against a broker that
refuses everything else; the topics of ours are as that page says."""

import json
import os
import re
import shlex
import sys
import tempfile
import unittest

import confluent_kafka
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from broker import MECHANISMS, PASSWORD, ROOT, USER, Broker  # noqa: E402
from consume import incidents  # noqa: E402
from daemon import Rootnote  # noqa: E402
from hosts import INPUTS, PARTITIONS, Hosts, write_rules  # noqa: E402
from process import until  # noqa: E402
from rights import rights_table, topics_table  # noqa: E402
from story import create_topics  # noqa: E402
from version import run  # noqa: E402
from wire import grant  # noqa: E402

CONFIGURATION = 78  # exit code
SCRAM_FIXED = 0x020601ff  # librdkafka
GROUP = "rootnote"
NAMES = {"group": GROUP, "inputs": ["metrics"]}
CLIENT_CERTIFICATE = f"User:CN={USER}"


class SecurityTest(unittest.TestCase):
    """One broker with every listener; the members come one after the other."""

    @classmethod
    def setUpClass(cls):
        cls.room = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.broker = cls.enterClassContext(Broker(run.version, sasl=True, tls=True, acls=True, properties={
            "listener.name.tls.ssl.client.auth": "required"}))
        create_topics(cls.broker.address, {"metrics": PARTITIONS})
        cls.admin = AdminClient({"bootstrap.servers": cls.broker.address})
        with open(os.path.join(ROOT, "docs/operating.md"), encoding="utf-8") as file:
            cls.page = file.read()
        cls.rights = rights_table(cls.page, NAMES)
        for principal in (f"User:{USER}", CLIENT_CERTIFICATE):
            grant(cls.broker.address, principal, cls.rights)
        cls.hosts = Hosts(cls.broker.address, len(MECHANISMS) + 2)
        cls.hosts.start()
        cls.addClassCleanup(cls.hosts.stop)
        cls.rules = write_rules(cls.room)
        cls.opened = set()

    def member(self, name, listener, properties, **kafka):
        properties = {**properties, "topic.metadata.refresh.interval.ms": "1000"}
        config = {"inputs": INPUTS, "kafka": {"start": "latest", "group": GROUP, "properties": properties, **kafka}}
        return Rootnote(self.room, self.broker.addresses[listener], self.rules, name=name, config=config,
                        environment={"ROOTNOTE_TEST_PASSWORD": PASSWORD})

    def sasl(self, mechanism, protocol="SASL_PLAINTEXT"):
        return {"security.protocol": protocol, "sasl.mechanism": mechanism, "sasl.username": USER,
                "sasl.password": "${env:ROOTNOTE_TEST_PASSWORD}"}

    def works(self, name, listener, properties):
        """It is ready, opens an incident for a host of its own, and nothing was denied on the way."""
        denied = len(self.denials())
        host = self.hosts.names[len(self.opened)]
        self.opened.add(host)
        with self.member(name, listener, properties) as rootnote:
            rootnote.wait_ready()
            self.hosts.failing.add(host)
            rootnote.until(lambda: f"host:{host}" in {record["root"][0]["entity"]
                                                      for record in incidents(self.broker.address)}, 30, host)
            shown = rootnote.text() + rootnote.get("/api/v1/status")[1] + rootnote.get("/metrics")[1]
            self.assertEqual(rootnote.terminate(), 0)
        self.assertNotIn(PASSWORD, shown + rootnote.text())
        self.assertEqual(self.denials()[denied:], [])

    def denials(self):
        with open(self.broker.log, encoding="utf-8", errors="replace") as file:
            return [line.strip() for line in file if f"User:{USER} is Denied" in line or
                    f"{CLIENT_CERTIFICATE} is Denied" in line]

    def test_sasl_plain(self):
        self.works("plain", "sasl", self.sasl("PLAIN"))

    def test_sasl_scram_sha_256(self):
        self.scram("scram-256", "sasl", self.sasl("SCRAM-SHA-256"))

    def test_sasl_scram_sha_512_in_tls(self):
        self.scram("scram-512", "sasl_tls", {**self.sasl("SCRAM-SHA-512", "SASL_SSL"),
                                             "ssl.ca.location": self.broker.certificates.ca})

    def scram(self, name, listener, properties):
        """Kafka 4 refuses the SCRAM of an old librdkafka, which sends a nonce twice: then that is said at the start."""
        if run.version < "4" or confluent_kafka.libversion()[1] >= SCRAM_FIXED:
            self.works(name, listener, properties)
            return
        with self.member(name, listener, properties) as rootnote:
            until(lambda: re.search(r"2\.6\.1", rootnote.text()) and re.search("(?i)authentication", rootnote.text()), 30,
                  lambda: f"{name} says why Kafka refuses it\n{rootnote.tail()}")
            self.assertFalse(rootnote.ready())
            self.assertNotIn(PASSWORD, rootnote.text())

    def test_tls_with_a_client_certificate(self):
        certificates = self.broker.certificates
        self.works("certificate", "tls", {
            "security.protocol": "SSL", "ssl.ca.location": certificates.ca, "ssl.key.location": certificates.client_key,
            "ssl.certificate.location": certificates.client_certificate})

    def test_a_wrong_password_is_said(self):
        properties = {**self.sasl("PLAIN"), "sasl.password": "wrong-and-secret"}
        with self.member("wrong", "sasl", properties) as rootnote:
            until(lambda: re.search("(?i)authentication", rootnote.text()), 30, rootnote.tail)
            self.assertFalse(rootnote.ready())
            self.assertNotIn("wrong-and-secret", rootnote.text())

    def test_no_trust_no_connection(self):
        with self.member("untrusting", "sasl_tls", self.sasl("PLAIN", "SASL_SSL")) as rootnote:
            until(lambda: re.search("(?i)certificate", rootnote.text()), 30, rootnote.tail)
            self.assertFalse(rootnote.ready())

    def test_oidc_is_refused_in_one_line(self):
        properties = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "OAUTHBEARER",
                      "sasl.oauthbearer.method": "oidc", "sasl.oauthbearer.client.id": "x",
                      "sasl.oauthbearer.client.secret": "y", "sasl.oauthbearer.token.endpoint.url": "http://127.0.0.1:1"}
        with self.member("oidc", "sasl", properties) as rootnote:
            self.assertEqual(rootnote.wait(30), CONFIGURATION, rootnote.tail())
            self.assertRegex(rootnote.text(), "(?i)oidc")

    def test_rights_that_are_missing_end_the_run(self):
        with self.member("elsewhere", "sasl", self.sasl("PLAIN"), group="elsewhere", create_topics=True) as rootnote:
            self.assertNotIn(rootnote.wait(60), (0, -9), rootnote.tail())
        self.assertTrue(self.denials())  # and so their absence elsewhere means something
        self.assertRegex(rootnote.text(), r"(?i)authori[sz]|denied")
        self.assertRegex(rootnote.text(), "elsewhere")

    def test_topics_are_as_documented(self):
        self.works("topics", "sasl", self.sasl("PLAIN"))
        documented = topics_table(self.page, NAMES)
        self.assertTrue(documented)
        found = self.admin.list_topics(timeout=10).topics
        ours = {name for name in found if not name.startswith("__")} - set(NAMES["inputs"])
        self.assertEqual(ours, set(documented))
        for name, (partitions, configuration) in documented.items():
            self.assertEqual(len(found[name].partitions), partitions, name)
            resource = ConfigResource(ConfigResource.Type.TOPIC, name)
            actual = {key: entry.value for key, entry in self.admin.describe_configs([resource])[resource].result(30).items()}
            for key, value in configuration.items():
                self.assertEqual(actual[key], value, f"{name} {key}")

    def test_topics_made_by_hand(self):
        names = {"incidents": "hand.incidents", "dead_letter": "hand.dead-letter", "late": "hand.late",
                 "unresolved": "hand.unresolved"}
        config = {"inputs": INPUTS, "outputs": names, "kafka": {"group": "hand", "start": "latest",
                                                                "create_topics": False}}
        with Rootnote(self.room, self.broker.address, self.rules, name="hand", config=config) as rootnote:
            self.assertNotEqual(rootnote.wait(60), 0)
        said = "\n".join(json.loads(line)["msg"] for line in rootnote.text().splitlines())
        commands = re.findall(r"^ *(kafka-topics\.sh .*)$", said, re.MULTILINE)
        self.assertEqual(len(commands), len(names) + 1, said)
        for command in commands:
            self.carry_out(shlex.split(command))
        with rootnote:
            rootnote.start().wait_ready()
            self.assertEqual(rootnote.terminate(), 0)

    def carry_out(self, words):
        """What kafka-topics.sh --create would do."""
        self.assertIn("--create", words)
        options = {}
        for flag, value in zip(words, words[1:]):
            if flag.startswith("--") and not value.startswith("--"):
                options.setdefault(flag, []).append(value)
        self.assertIn("--bootstrap-server", options)
        configuration = dict(item.split("=", 1) for item in options.get("--config", []))
        topic = NewTopic(options["--topic"][0], int(options["--partitions"][0]), 1, config=configuration)
        for future in self.admin.create_topics([topic]).values():
            future.result(30)


if __name__ == "__main__":
    run(__doc__)
