#!/usr/bin/python3
"""The measurement on simulated estates, whole and small: its figures stand, and fall when correlation does."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.dirname(os.environ["ROOTNOTE_BINARY"])
RULES = os.path.join(HERE, "simulator", "estate.rn")
FAMILIES = ("array_slow", "bad_deploy", "certificate_expired", "dns_servfail", "slow_queries")


def simulate(*flags):
    with tempfile.TemporaryDirectory() as folder:
        report = os.path.join(folder, "report.json")
        done = subprocess.run([os.path.join(HERE, "simulate"), "--build", BUILD, "--report", report, "--jobs", "2", *flags],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return done.returncode, done.stderr, None
        with open(report, encoding="utf-8") as file:
            return 0, done.stdout, json.load(file)


def of(families):
    return [word for family in families for word in ("--family", family)]


class Simulate(unittest.TestCase):
    def test_figures(self):
        code, out, report = simulate("--entities", "150", "--seeds", "2", "--profile", "clean", *of(FAMILIES))
        self.assertEqual(code, 0, out)
        ours = report["profiles"]["clean"]["all"]
        self.assertEqual(ours["faults"], 2 * len(FAMILIES))
        self.assertEqual(ours["recall"], 1.0, out)
        self.assertGreaterEqual(ours["root_top1"], 0.8, out)
        self.assertGreaterEqual(ours["one"], 0.6, out)
        self.assertIn("array_slow", out)
        others = report["profiles"]["clean"]["baselines"]
        for label in ("earliest symptom", "label grouping"):
            self.assertGreater(ours["root_top1"], others[label]["root_top1"] + 0.3, out)

    def test_without_propagation_there_is_no_root(self):
        with open(RULES, encoding="utf-8") as file:
            rules = file.read()
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "none.rn")
            with open(path, "w", encoding="utf-8") as file:
                for line in rules.splitlines():
                    # Nothing travels any more but traffic, which nobody measures.
                    file.write(line.split(" carries ")[0] + " carries traffic\n" if line.startswith("relation") else
                               "" if line.lstrip().startswith("causes") else line + "\n")
            code, out, report = simulate("--entities", "150", "--seeds", "1", "--profile", "clean", "--rules", path,
                                         *of(FAMILIES))
        self.assertEqual(code, 0, out)
        self.assertLess(report["profiles"]["clean"]["all"]["one"], 0.4, out)

    def test_quiet(self):
        code, out, report = simulate("--entities", "150", "--profile", "quiet", "--quiet-hours", "1", "--quiet-runs", "1")
        self.assertEqual(code, 0, out)
        self.assertEqual(report["profiles"]["quiet"]["false"], 0, out)
        self.assertAlmostEqual(report["profiles"]["quiet"]["hours"], 1.0)

    def test_wrong_words(self):
        self.assertEqual(simulate("--profile", "tidy")[0], 64)
        self.assertIn("known are", simulate("--family", "aliens")[1])


if __name__ == "__main__":
    sys.exit(unittest.main())
