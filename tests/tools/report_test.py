"""`check --format json|sarif` and `check --seen`: valid documents that say what the text says."""

import glob
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import jsonschema
from tool import read, run, write

# Written by hand from the standard's text: what we emit of SARIF 2.1.0, and what GitHub's viewer asks for beyond it
# (a rule for each result with its descriptions, a region that begins at 1, a fingerprint).
TEXT = {"type": "object", "required": ["text"], "additionalProperties": False,
        "properties": {"text": {"type": "string", "minLength": 1}}}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
CODE = {"type": "string", "pattern": "^E[0-9]{4}$"}
LINE = {"type": "integer", "minimum": 1}
SARIF = {
    "type": "object", "required": ["$schema", "version", "runs"], "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {"type": "array", "minItems": 1, "maxItems": 1, "items": {
            "type": "object", "required": ["tool", "results", "columnKind"], "additionalProperties": False,
            "properties": {
                "columnKind": {"const": "unicodeCodePoints"},
                "tool": {"type": "object", "required": ["driver"], "additionalProperties": False, "properties": {
                    "driver": {"type": "object", "required": ["name", "version", "rules"],
                               "additionalProperties": False, "properties": {
                                   "name": {"const": "rootnote"},
                                   "version": {"type": "string", "pattern": r"^\d+\.\d+\.\d+$"},
                                   "rules": {"type": "array", "items": {
                                       "type": "object", "additionalProperties": False,
                                       "required": ["id", "shortDescription", "fullDescription", "help",
                                                    "defaultConfiguration"],
                                       "properties": {
                                           "id": CODE, "shortDescription": TEXT, "fullDescription": TEXT, "help": TEXT,
                                           "defaultConfiguration": {"type": "object", "required": ["level"],
                                                                    "properties": {"level": LEVEL}}}}}}}}},
                "results": {"type": "array", "items": {
                    "type": "object", "additionalProperties": False,
                    "required": ["ruleId", "ruleIndex", "level", "message", "locations", "partialFingerprints"],
                    "properties": {
                        "ruleId": CODE, "ruleIndex": {"type": "integer", "minimum": 0}, "level": LEVEL,
                        "message": TEXT,
                        "locations": {"type": "array", "minItems": 1, "maxItems": 1, "items": {
                            "type": "object", "required": ["physicalLocation"], "properties": {
                                "physicalLocation": {
                                    "type": "object", "required": ["artifactLocation", "region"],
                                    "additionalProperties": False, "properties": {
                                        "artifactLocation": {
                                            "type": "object", "required": ["uri"], "additionalProperties": False,
                                            "properties": {"uri": {
                                                "type": "string",
                                                "pattern": "^(file:///)?([-A-Za-z0-9._~/+@,]|%[0-9A-F]{2})+$"}}},
                                        "region": {
                                            "type": "object", "additionalProperties": False,
                                            "required": ["startLine", "startColumn", "endLine", "endColumn"],
                                            "properties": {"startLine": LINE, "startColumn": LINE, "endLine": LINE,
                                                           "endColumn": LINE}}}}}}},
                        "partialFingerprints": {"type": "object", "required": ["primaryLocationLineHash"],
                                                "properties": {"primaryLocationLineHash": {"type": "string"}}}}}}}}}}}

OUR_SCHEMA = {
    "type": "object", "required": ["version", "errors", "warnings", "dropped", "diagnostics"],
    "additionalProperties": False,
    "properties": {
        "version": {"const": 1}, "errors": {"type": "integer"}, "warnings": {"type": "integer"},
        "dropped": {"type": "integer"},
        "diagnostics": {"type": "array", "items": {
            "type": "object", "additionalProperties": False,
            "required": ["code", "level", "message", "file", "line", "column", "end_line", "end_column", "page"],
            "properties": {"code": CODE, "level": LEVEL, "message": {"type": "string", "minLength": 1},
                           "hint": {"type": "string"}, "file": {"type": "string"}, "line": LINE, "column": LINE,
                           "end_line": LINE, "end_column": LINE, "page": {"type": "string"}}}}}}

OURS = jsonschema.Draft7Validator(OUR_SCHEMA)
VIEWERS = jsonschema.Draft7Validator(SARIF)

HEAD = re.compile(r"^(.*?):(\d+):(\d+): (\w+)\[(E\d{4})\]: (.*)$", re.MULTILINE)


def goldens():
    """(name, rules) of every golden that is one file."""
    for path in sorted(glob.glob("tests/golden/diagnostics/*.golden")):
        rules = read(path).split("\n----\n")[0] + "\n"
        if "\n==== " not in "\n" + rules:
            yield os.path.basename(path)[:-7], rules


class ReportTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def check(self, text, *flags, name="rules.rn"):
        write(self.folder.name, name, text)
        return run("check", name, *flags, cwd=self.folder.name)

    def test_every_golden_says_the_same_in_three_forms(self):
        count = 0
        for name, rules in goldens():
            with self.subTest(name):
                code, _, text = self.check(rules)
                expected = [(file, int(line), int(column), level, number, message)
                            for file, line, column, level, number, message in HEAD.findall(text)]
                json_code, out, _ = self.check(rules, "--format", "json")
                ours = json.loads(out)
                OURS.validate(ours)
                self.assertEqual(json_code, code)
                self.assertEqual([(one["file"], one["line"], one["column"], one["level"], one["code"], one["message"])
                                  for one in ours["diagnostics"]], expected)
                for one in ours["diagnostics"]:
                    self.assertTrue(os.path.exists(one["page"]), one["page"])
                sarif_code, out, _ = self.check(rules, "--format", "sarif")
                sarif = json.loads(out)
                VIEWERS.validate(sarif)
                self.assertEqual(sarif_code, code)
                self.compare(sarif["runs"][0], expected)
                count += len(expected)
        self.assertGreater(count, 150)

    def compare(self, one_run, expected):
        rules = one_run["tool"]["driver"]["rules"]
        self.assertEqual(len({rule["id"] for rule in rules}), len(rules))
        seen = set()
        found = []
        for result in one_run["results"]:
            self.assertEqual(rules[result["ruleIndex"]]["id"], result["ruleId"])
            place = result["locations"][0]["physicalLocation"]
            region = place["region"]
            self.assertGreaterEqual((region["endLine"], region["endColumn"]),
                                    (region["startLine"], region["startColumn"]))
            found.append((place["artifactLocation"]["uri"], region["startLine"], region["startColumn"],
                          result["level"], result["ruleId"]))
            fingerprint = result["partialFingerprints"]["primaryLocationLineHash"]
            self.assertNotIn(fingerprint, seen)
            seen.add(fingerprint)
        self.assertEqual(found, [line[:5] for line in expected])

    def test_fingerprints_survive_lines_above(self):
        rules = "signal a on nothing { when x > 1 }\n"
        prints = []
        for text in (rules, "# one\n\n" + rules):
            _, out, _ = self.check(text, "--format", "sarif")
            prints.append(json.loads(out)["runs"][0]["results"][0]["partialFingerprints"])
        self.assertEqual(prints[0], prints[1])

    def test_names_that_a_uri_cannot_hold(self):
        _, out, _ = self.check("kind\n", "--format", "sarif", name="größe 1%.rn")
        sarif = json.loads(out)
        VIEWERS.validate(sarif)
        place = sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
        self.assertEqual(place["artifactLocation"]["uri"], "gr%C3%B6%C3%9Fe%201%25.rn")

    def test_rules_without_findings(self):
        code, out, err = self.check("kind vm { id vm }\n", "--format", "sarif")
        self.assertEqual((code, err), (0, ""))
        VIEWERS.validate(json.loads(out))
        self.assertEqual(json.loads(out)["runs"][0]["results"], [])

    def test_a_folder_with_rules_of_both_kinds(self):
        folder = os.path.join(self.folder.name, "both")
        write(folder, "mine.rn", "kind vm { id vm }\n")
        write(folder, "alerts/a.yaml", "groups:\n- name: a\n  rules:\n  - {alert: Down, expr: up == 0}\n")
        write(folder, "values.yaml", "replicas: 3\n")
        code, out, err = run("check", folder)
        self.assertEqual((code, err), (0, ""))
        self.assertIn("1 alerting rule", out)
        self.assertIn("1 kind", out)
        self.assertEqual(run("check", os.path.join(folder, "alerts"))[0], 0)
        write(folder, "alerts/b.yml", "groups:\n- name: b\n  rules:\n  - {alert: Down, expr: up ==}\n")
        code, _, err = run("check", os.path.join(folder, "alerts"))
        self.assertEqual(code, 1)
        self.assertIn("alerts/b.yml:4:", err)
        write(folder, "nothing/values.yaml", "replicas: 3\n")
        self.assertEqual(run("check", os.path.join(folder, "nothing"))[0], 66)

    def seen(self, names, metric="cpu_raito"):
        path = write(self.folder.name, "seen.txt", names)
        return self.check(f"kind vm {{ id vm }}\nsignal hot on vm {{ when {metric} > 0.9 }}\n", "--seen", path)

    def test_seen_names_as_a_list(self):
        code, _, err = self.seen("up\ncpu_ratio\n")
        self.assertEqual(code, 0)
        self.assertIn("rules.rn:2:25: warning[E0413]: no metric or event `cpu_raito` has been seen", err)
        self.assertIn("did you mean `cpu_ratio`?", err)
        self.assertEqual(self.seen("up\ncpu_ratio\n", "cpu_ratio")[2], "")

    def test_seen_names_of_an_exposition(self):
        text = ("# HELP cpu_ratio Share.\n# TYPE cpu_ratio gauge\ncpu_ratio{cpu=\"0\"} 0.5 1700000000000\n"
                "up 1\n{\"vm.größe\", a=\"b\"} 3\n# EOF\n")
        self.assertIn("did you mean `cpu_ratio`?", self.seen(text)[2])
        self.assertEqual(self.seen(text, "up")[2], "")
        self.assertEqual(self.seen(text, '{"vm.größe"}')[2], "")

    def test_seen_names_of_records(self):
        own = ('{"metric":"cpu_ratio","labels":{"vm":"a"},"value":0.5,"time":"2026-11-22T07:17:16Z"}\n'
               '{"event":"deploy_finished","labels":{"vm":"a"},"time":"2026-11-22T07:17:16Z"}\n'
               '{"entity":"vm:a"}\n{"metric":"broken_name"\n')
        self.assertIn("did you mean `cpu_ratio`?", self.seen(own)[2])
        self.assertEqual(self.seen(own, "count_over_time(deploy_finished[5m])")[2], "")
        self.assertIn("E0413", self.seen(own, "broken_name")[2])
        telegraf = '{"fields":{"io_await":41.5},"name":"diskio","tags":{"host":"a"},"timestamp":1795331836}\n'
        self.assertIn("did you mean `diskio_io_await`?", self.seen(telegraf, "diskio_io_awit")[2])
        kcat = json.dumps({"topic": "metrics", "partition": 0, "offset": 7, "ts": 1795331836000, "key": None,
                           "payload": own.split("\n", maxsplit=1)[0]}) + "\n"
        self.assertEqual(self.seen(kcat, "cpu_ratio")[2], "")
        packed = os.path.join(self.folder.name, "records.json.zst")
        if shutil.which("zstd") is None:
            self.skipTest("no zstd here")
        subprocess.run(["zstd", "-q", "-f", "-o", packed], input=own.encode(), check=True)
        rules = "kind vm { id vm }\nsignal hot on vm { when cpu_raito > 0.9 }\n"
        self.assertIn("did you mean `cpu_ratio`?", self.check(rules, "--seen", packed)[2])

    def test_seen_names_and_patterns(self):
        _, _, err = self.check("kind vm { id vm }\nsignal odd on vm { when event deploy_finish 2 times within 5m }\n",
                               "--seen", write(self.folder.name, "seen.txt", "deploy_finished\n"))
        self.assertIn("rules.rn:2:31: warning[E0413]: no metric or event `deploy_finish` has been seen", err)
        self.assertIn("did you mean `deploy_finished`?", err)

    def test_seen_files_that_cannot_be(self):
        self.assertEqual(self.seen("# nothing\n")[0], 78)
        self.assertEqual(run("check", "examples/store", "--seen", "/nowhere")[0], 66)


if __name__ == "__main__":
    unittest.main()
