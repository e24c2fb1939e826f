#!/usr/bin/env python3
"""docs_test.py notices docs that are wrong. The binary here is a fake: it finds the codes that the text names."""

import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import docs_test  # noqa: E402


class FakeBinary:
    def run(self, arguments, cwd=None):
        return (1 if "fail" in arguments else 0), ""

    def on(self, command, text, name="x.rn"):
        found = re.findall(r"has (E\d{4})", text)
        if command == "test":
            return (1 if "fails" in text else 0), f"1 passed, 0 failed, {int('skips' in text)} skipped\n"
        return (1 if found else 0), "".join(f"x.rn:1:1: error[{code}]: wrong\n" for code in found)


def page(*examples):
    return "# E0001 title\n\n" + "\n".join(f"```{tag}\n{body}\n```\n" for tag, body in examples)


class DocsTest(unittest.TestCase):
    def one_finding(self, findings, part):
        self.assertEqual(len(findings), 1, findings)
        self.assertIn(part, findings[0])

    def test_blocks(self):
        found = list(docs_test.blocks("a\n```rule\nx\n```\n- b\n  ```text\n  y\n  ```\n````sh\n```\n````\n"))
        self.assertEqual(found, [(2, "rule", "x\n"), (6, "text", "y\n"), (9, "sh", "```\n")])

    def test_pages(self):
        for tag, body, part in (("rule", "has E0001", "ends with 1"), ("rule-error E0001", "good", "finds nothing"),
                                ("rule-error E0001", "has E0001 has E0002", "finds E0001 E0002"),
                                ("scenario", "fails", "test ends with 1"), ("promqltest", "fails", "test ends with 1"),
                                ("promqltest", "skips", "1 skipped"), ("", "x", "without a tag"),
                                ("python", "x", "tagged 'python'")):
            self.one_finding(docs_test.check_page(FakeBinary(), "p.md", page((tag, body)))[0], part)
        good = page(("rule", "x"), ("rule-error E0001", "has E0001"), ("scenario", "x"), ("promqltest", "x"),
                    ("text", "has E0001"))
        self.assertEqual(docs_test.check_page(FakeBinary(), "p.md", good)[0], [])

    def test_the_estate_stands_before_later_blocks(self):
        text = page(("rule estate", "has E0001"), ("rule-error E0001", "x"))
        findings, _ = docs_test.check_page(FakeBinary(), "p.md", text)
        self.one_finding(findings, "p.md:3")

    def test_errors(self):
        good = page(("rule-error E0001", "has E0001"), ("rule", "x"))
        codes = docs_test.codes_of("  X(1, kOne, \"x\")  \\\n")
        self.assertEqual(codes, {"E0001"})
        self.assertEqual(docs_test.check_errors(FakeBinary(), codes, {"E0001": good}), [])
        for pages, part in (({}, "no page"), ({"E0001": good, "E0002": good}, "no such code"),
                            ({"E0001": page(("rule", "x"))}, "no failing example"),
                            ({"E0001": page(("rule-error E0001", "has E0001"))}, "no fixed example"),
                            ({"E0001": good.replace("# E0001", "# E0009")}, "heading")):
            self.one_finding(docs_test.check_errors(FakeBinary(), codes, pages), part)

    def test_readme(self):
        for command, part in (("make nothing", "no such target"), ("build/release/rootnote fail", "ends with 1"),
                              ("rm x", "cannot be verified"), ("# nothing", "no command")):
            self.one_finding(docs_test.check_readme(FakeBinary(), f"```sh\n{command}\n```\n", {"demo"}), part)
        self.assertEqual(docs_test.check_readme(FakeBinary(), "```sh\nmake demo SCENARIO=dns\n```\n", {"demo"}), [])

    def test_config(self):
        schema = {"properties": {"tick": {}, "kafka": {"properties": {"brokers": {}}}}}
        self.assertEqual(docs_test.check_config(FakeBinary(), schema, "`tick`, `kafka.brokers`"), [])
        self.one_finding(docs_test.check_config(FakeBinary(), schema, "`tick`, `kafka`; brokers"), "key brokers")


if __name__ == "__main__":
    unittest.main()
