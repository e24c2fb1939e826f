#!/usr/bin/env python3
"""examples/quickstart/run.sh does what the README says, with a broker of its own and with one that is there."""

import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from broker import ROOT, VERSIONS, Broker, running  # noqa: E402
from consume import incidents  # noqa: E402


class QuickstartTest(unittest.TestCase):
    def setUp(self):
        self.room = self.enterContext(tempfile.TemporaryDirectory())
        self.folder = os.path.join(self.room, "broker")

    def run_it(self, **environment):
        return subprocess.run(["examples/quickstart/run.sh"], cwd=ROOT, capture_output=True, encoding="utf-8",
                              timeout=240, check=False,
                              env={**os.environ, "ROOTNOTE_KAFKA_FOLDER": self.folder, **environment})

    def expect_the_story(self, done):
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"rn-[0-9a-f]{16}-1 1 open \(root_found\)")
        self.assertRegex(done.stdout, r"resolved \(\w+\)")
        self.assertIn("dns:internal-atlantic", done.stdout)

    def test_with_a_broker_of_its_own(self):
        self.expect_the_story(self.run_it())
        self.assertIsNone(running(self.folder))

    def test_with_a_broker_that_is_there(self):
        with Broker(VERSIONS[0]) as broker:
            self.expect_the_story(self.run_it(BOOTSTRAP=broker.address))
            records = incidents(broker.address)
        self.assertEqual(len({record["incident_id"] for record in records}), 1)
        self.assertEqual(records[-1]["status"], "resolved")
        self.assertEqual(records[0]["root"][0]["entity"], "dns:internal-atlantic")


if __name__ == "__main__":
    unittest.main(verbosity=2)
