"""`rootnote check --explain`: the plan, the state and the cost of every signal."""

import tempfile
import unittest

from tool import run, write

ESTATE = """\
kind vm { id vm }
signal plain on vm { when rate(errors_total[1m]) > 1 every 10s }
signal grouped on vm { when sum by (vm) (rate(errors_total[1m])) / sum by (vm) (rate(requests_total[1m])) > 5% }
signal most on vm { when topk(3, avg_over_time(cpu_ratio[5m])) > 0.9 limit 100 series }
signal nested on vm { when max_over_time(rate(errors_total[1m])[10m:30s]) > 1 }
signal silent on vm { when missing heartbeat for 90s }
signal looks_back on vm { when cpu_ratio > 2 * cpu_ratio offset 1h }
signal crashed on vm { when event upgrade{env="prod"} as u then plain within 10m then no event rollback for 5m }
signal gone on vm { when all of (plain, event lost) within 2m }
signal flapping on vm { when event flap 5 times within 10m }
test "intervals" {
  topology { vm:web1 }
  series errors_total{vm="web1"} 0x60 every 5s
  expect at 1m no incident
}
"""


class ExplainTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as folder:
            code, out, err = run("check", "--explain", write(folder, "rules.rn", ESTATE))
        assert code == 0, err
        cls.head, *parts = out.split("\n\nsignal ")
        cls.plans = {part.split(" ", 1)[0]: part for part in parts}

    def lines(self, signal, name):
        """What stands behind `name` in a signal's plan."""
        found, taken = [], False
        for line in self.plans[signal].split("\n")[1:]:
            taken = line[2:10].strip() == name if line[2:10].strip() else taken
            if taken and line:
                found.append(line[11:])
        return found

    def test_says_what_executes_it(self):
        self.assertIn("evaluated in full by the reference evaluator", self.head)

    def test_every_signal_has_its_plan(self):
        self.assertEqual(list(self.plans), ["plain", "grouped", "most", "nested", "silent", "looks_back",
                                            "crashed", "gone", "flapping"])

    def test_stages(self):
        self.assertEqual(self.lines("plain", "series"), ["rate(errors_total[1m]) > 1"])
        self.assertEqual(self.lines("plain", "group"), [])
        self.assertEqual(self.lines("grouped", "series"), ["rate(errors_total[1m])", "rate(requests_total[1m])"])
        self.assertEqual(len(self.lines("grouped", "group")), 1)
        self.assertEqual(self.lines("grouped", "in full"), [])
        self.assertEqual(self.lines("most", "in full"), ["topk(3, avg_over_time(cpu_ratio[5m]))"])
        self.assertEqual(self.lines("nested", "in full"), ["rate(errors_total[1m])[10m:30s]"])
        self.assertEqual(self.lines("looks_back", "group"), ["cpu_ratio > 2 * cpu_ratio offset 1h"])

    def test_bounds(self):
        self.assertEqual(self.lines("plain", "grid"), ["every 10s"])
        self.assertEqual(self.lines("plain", "history"), ["1m"])
        # 1m in steps of 5 s, as the test sends them, and one at each border: 14 samples of 16 bytes, and 64.
        self.assertEqual(self.lines("plain", "state"), ["at most 288 bytes per key: 14 samples of 16, one every 5s, and 64"])
        self.assertEqual(self.lines("plain", "cost"), ["at most 13 samples looked at per series and instant, 6.5 per sample"])
        self.assertIn("series of a key", self.lines("grouped", "state")[0])
        self.assertIn("(assumed)", self.lines("most", "state")[0])
        self.assertEqual(self.lines("most", "limit"), [f"100 series, at most {100 * (62 * 16 + 64)} bytes"])
        self.assertEqual(self.lines("nested", "history"), ["11m"])
        self.assertEqual(self.lines("looks_back", "history"), ["1h5m"])
        self.assertEqual(self.lines("nested", "cost")[0].split()[2], str(13 * 21))

    def test_absence(self):
        self.assertEqual(self.lines("silent", "plan"), ["absence of heartbeat: a timer per entity, nothing per instant"])

    def test_patterns(self):
        self.assertEqual(self.lines("crashed", "grid"), ["every tick"])
        self.assertEqual(self.lines("crashed", "pattern"),
                         ["event upgrade with a filter", "then signal plain within 10m",
                          "then no event rollback for 5m"])
        self.assertTrue(self.lines("crashed", "history")[0].startswith("25m"), self.lines("crashed", "history"))
        # A partial match, a step's and an alias' item, and the item of the alias itself.
        run = 192 + 2 * 16 + 400
        self.assertEqual(self.lines("crashed", "state"),
                         [f"at most {256 * run + 64} bytes per key: 256 partial matches of {run} with their items, "
                          "and 64"])
        self.assertEqual(self.lines("crashed", "limit"),
                         [f"100000 keys, at most {100000 * (256 * run + 64)} bytes"])
        self.assertEqual(self.lines("gone", "pattern"), ["2 of (signal plain, event lost) within 2m"])
        self.assertEqual(self.lines("flapping", "pattern"), ["event flap, 5 times within 10m"])
        self.assertEqual(self.lines("flapping", "state"),
                         [f"at most {10000 * 24 + 64} bytes per key: 10000 times of items of 24, and 64"])
        self.assertIn("nothing per instant", self.lines("flapping", "cost")[0])

    def test_nothing_is_explained_of_wrong_rules(self):
        with tempfile.TemporaryDirectory() as folder:
            code, out, _ = run("check", "--explain", write(folder, "rules.rn", "kind\n"))
        self.assertEqual((code, out), (1, ""))


if __name__ == "__main__":
    unittest.main()
