"""What a route of a form sends, by `explain --as`; of an incident that a pattern opened."""

import json
import tempfile
import unittest

from tool import run, write

RULES = """\
kind app { id app }
signal restarted on app { when event restart 2 times within 10m family errors }
incidents { hold back 5s }
"""


def event(name, second):
    return json.dumps({"event": name, "labels": {"app": "shop"}, "message": f"m{second}",
                       "time": f"2026-03-21T12:{second // 60:02}:{second % 60:02}Z"}) + "\n"


class ProjectionTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        rules = write(self.folder.name, "rules.rn", RULES)
        self.input = write(self.folder.name, "input.json", event("restart", 10) + event("restart", 70) + event("other", 90))
        code, self.records, err = run("replay", "--rules", rules, "--input", self.input, "--output", "-")
        self.assertEqual(code, 0, err)

    def test_what_completed_a_pattern_is_its_evidence(self):
        evidence = json.loads(self.records.splitlines()[0])["evidence"]
        self.assertEqual(evidence, [{"signal": "restarted", "entity": "app:shop", "value": 2,
                                     "time": "2026-03-21T12:01:10Z", "topic": self.input, "partition": 0, "offset": 1}])

    def test_forms(self):
        incident = write(self.folder.name, "incident.json", self.records.splitlines()[0] + "\n")
        code, out, _ = run("explain", incident, "--as", "pagerduty")
        self.assertEqual(code, 0)
        self.assertEqual(json.loads(out)["event_action"], "trigger")
        self.assertEqual(json.loads(run("explain", incident, "--as", "servicenow")[1])["records"][0]["node"], "shop")
        code, _, err = run("explain", incident, "--as", "pager")
        self.assertEqual(code, 64)
        self.assertIn("pagerduty", err)


if __name__ == "__main__":
    unittest.main()
