#!/usr/bin/env python3
"""validate_test.py PROBE: the JSON Schemas against what is really read and written.

PROBE is schemas_probe. Incident records as the engine writes them fit incident.schema.json, with no key that it does
not name; what the schemas of samples, topology and control allow is what the decoder takes, and nothing else; the
tagged examples of docs/formats.md fit too, and the real decoders take them.
"""

import copy
import json
import random
import re
import subprocess
import sys
import unittest

import jsonschema

PROBE = ""


def load(name):
    with open(f"schemas/{name}.schema.json", encoding="utf-8") as file:
        return json.load(file)


def probe(arguments, lines=()):
    """The probe's answer to each line."""
    text = "".join(line + "\n" for line in lines)
    done = subprocess.run([PROBE, *arguments], input=text, capture_output=True, text=True, encoding="utf-8", check=True)
    return done.stdout.split("\n")[:-1]


def strict(schema):
    """The schema without room for keys that it does not name."""
    if isinstance(schema, list):
        return [strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    out = {key: strict(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        out.setdefault("additionalProperties", False)
    return out


def validator(schema):
    return jsonschema.Draft202012Validator(schema)


def fits(schema, value):
    return next(validator(schema).iter_errors(value), None) is None


def examples(tag):
    """The lines of the blocks of docs/formats.md that are tagged `json TAG`; blocks of one value over lines are joined."""
    with open("docs/formats.md", encoding="utf-8") as file:
        blocks = re.findall(rf"^```json {tag}\n(.*?)^```", file.read(), re.DOTALL | re.MULTILINE)
    for block in blocks:
        try:
            yield json.dumps(json.loads(block), ensure_ascii=False)
        except json.JSONDecodeError:
            yield from (line for line in block.split("\n") if line.strip())


class Schemas(unittest.TestCase):
    def test_are_schemas(self):
        for name in ("sample", "topology", "control", "incident"):
            jsonschema.Draft202012Validator.check_schema(load(name))


class Incidents(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lines = probe(["incidents"])
        cls.records = [json.loads(line) for line in cls.lines]
        cls.schema = strict(load("incident"))

    def test_written_records_fit(self):
        self.assertGreater(len(self.records), 100)
        check = validator(self.schema)
        for record in self.records:
            error = next(check.iter_errors(record), None)
            self.assertIsNone(error, error)
        self.assertLessEqual(max(len(line.encode()) for line in self.lines), 64 * 1024)
        self.assertGreater(max(len(line.encode()) for line in self.lines), 60 * 1024)

    def test_every_key_of_the_schema_is_written_somewhere(self):
        seen = set()

        def walk(value, path):
            if isinstance(value, dict):
                for key, member in value.items():
                    seen.add(f"{path}/{key}")
                    walk(member, f"{path}/{key}")
            elif isinstance(value, list):
                for item in value:
                    walk(item, path + "[]")

        def named(schema, path):
            for key, part in schema.get("properties", {}).items():
                yield f"{path}/{key}"
                yield from named(part, f"{path}/{key}")
            if "items" in schema:
                yield from named(schema["items"], path + "[]")

        for record in self.records:
            walk(record, "")
        self.assertEqual(sorted(set(named(self.schema, "")) - seen), [])

    def test_the_schema_is_not_empty_words(self):
        """Each required key taken away, each value of another type: found."""
        record = max((r for r in self.records if all(r[key] for key in (
            "root", "impact", "symptoms", "ruled_out", "evidence", "changes")) and r["blast_radius"]["kinds"]),
            key=lambda r: len(list(paths(r))))
        checked = 0
        for path in paths(record):
            if path[0] in ("labels",) or "kinds" in path or path[:2] in (("blast_radius", "labels"),
                                                                        ("blast_radius", "healthy")):
                continue
            broken = copy.deepcopy(record)
            parent = broken
            for step in path[:-1]:
                parent = parent[step]
            parent[path[-1]] = {"of another type": 1} if not isinstance(parent[path[-1]], dict) else "text"
            self.assertFalse(fits(self.schema, broken), path)
            checked += 1
            if path[-1] in required_of(self.schema, path):
                del parent[path[-1]]
                self.assertFalse(fits(self.schema, broken), path)
        self.assertGreater(checked, 70)
        self.assertFalse(fits(self.schema, {**record, "misspelt": 1}))
        self.assertTrue(fits(load("incident"), {**record, "added_later": 1}))

    def test_examples_of_the_docs(self):
        lines = list(examples("incident"))
        self.assertGreaterEqual(len(lines), 1)
        check = validator(self.schema)
        for line, written in zip(lines, probe(["reencode"], lines)):
            check.validate(json.loads(line))
            self.assertEqual(json.loads(written), json.loads(line))
            self.assertEqual(list(json.loads(written)), list(json.loads(line)), "the order of the keys")


def paths(value, path=()):
    """Of every member of objects, through the first item of lists."""
    if isinstance(value, dict):
        for key, member in value.items():
            yield path + (key,)
            yield from paths(member, path + (key,))
    elif isinstance(value, list) and value:
        yield from paths(value[0], path + (0,))


def required_of(schema, path):
    for step in path[:-1]:
        schema = schema.get("items", {}) if isinstance(step, int) else schema.get("properties", {}).get(step, {})
    return schema.get("required", ())


class OwnJson(unittest.TestCase):
    """Schema and decoder give the same verdict."""

    NAMES = ("up", "disk d7", "a", "ü", "", "x\u0007")
    TEXTS = ("", "uk", "a\"b", "\u0000", "😀")
    VALUES = (0, -1.5, 1e300, 12, "NaN", "+Inf", "-Inf", "stale", None, "nan", "12", True, [], {})
    TIMES = (0, -1, 1795331836117, "2026-11-22T07:17:16Z", "2026-11-22T07:17:16.123456789+01:00", "2026-11-22",
             "2026-13-22T07:17:16Z", 1.5, None, 10**15, -10**15, "now", True)
    ENTITIES = ("vm:web1", "disk:a1/d7", "url:http%3A%2F%2Fx", "x", ":a", "vm:", "vm:a//b", "vm:a:b", "a b:c", "vm:%zz",
                "vm:a%", 7, "", None)
    WORDS = ("runs_on", "runs on", "", 7, "9x", "_a")

    def setUp(self):
        self.random = random.Random(20261122)

    def pick(self, values):
        # Mostly good: the good ones stand in front.
        return values[min(self.random.randrange(len(values)), self.random.randrange(len(values)))]

    def labels(self, values):
        if self.random.random() < 0.05:
            return self.pick(([], None, "x", 7))
        return {self.pick(self.NAMES): self.pick(values) for _ in range(self.random.randrange(4))}

    def member(self, key):
        make = {
            "metric": lambda: self.pick(self.NAMES + (7, None)),
            "metrics": lambda: self.labels(self.VALUES),
            "event": lambda: self.pick(self.NAMES + (7, None)),
            "entity": lambda: self.pick(self.ENTITIES),
            "from": lambda: self.pick(self.ENTITIES),
            "to": lambda: self.pick(self.ENTITIES),
            "relation": lambda: self.pick(self.WORDS),
            "snapshot": lambda: self.pick(("begin", "end", "start", 1)),
            "labels": lambda: self.labels(self.TEXTS + (7,)),
            "attributes": lambda: self.labels(self.TEXTS + (7, 1.5, True, None, [])),
            "value": lambda: self.pick(self.VALUES),
            "time": lambda: self.pick(self.TIMES),
            "deleted": lambda: self.pick((True, False, "yes", None)),
            "source": lambda: self.pick(("cmdb", "x y", 7)),
            "epoch": lambda: self.pick(("7", "", 7)),
            "message": lambda: self.pick(self.TEXTS + (7,)),
            "id": lambda: self.pick(self.TEXTS + (7,)),
            "acknowledge": lambda: self.pick(("rn-0123456789abcdef-1", "x y", "", "x\u0007", 7)),
            "silence": lambda: self.pick(("night", "x y", "", "x\u0007", 7)),
            "by": lambda: self.pick(("anna", "b", "", 7)),
            "comment": lambda: self.pick(self.TEXTS + (7,)),
            "signal": lambda: self.pick(("errors", "", None)),
            "until": lambda: self.pick(("2030-01-01T00:00:00Z", 1895331836117, "now", None, 1.5)),
        }
        return make.get(key, lambda: 1)()

    def one(self, kinds):
        kind = self.random.choice(list(kinds))
        keys = [kind]
        for key in kinds[kind]:
            if self.random.random() < 0.75:
                keys.append(key)
        if self.random.random() < 0.1:
            keys.append(self.random.choice(("vlaue", "extra", "name", "epoch", "value", "from", "message")))
        if self.random.random() < 0.05:
            keys.remove(self.random.choice(keys))
        return {key: self.member(key) for key in keys}

    def verdicts(self, schema, kinds, count):
        values = [self.one(kinds) for _ in range(count)]
        lines = [json.dumps(value) for value in values]
        check = validator(schema)
        good = 0
        for value, line, answer in zip(values, lines, probe(["decode", "rootnote-json"], lines)):
            fit = next(check.iter_errors(value), None) is None
            self.assertEqual(answer == "ok", fit, f"{line}: {answer}")
            good += fit
        self.assertGreater(good, count // 20)
        self.assertLess(good, count)

    def test_samples(self):
        self.verdicts(load("sample"), {
            "metric": ("value", "value", "labels", "time"),
            "metrics": ("labels", "time"),
            "event": ("labels", "attributes", "message", "id", "time"),
        }, 4000)

    def test_topology(self):
        self.verdicts(load("topology"), {
            "entity": ("labels", "deleted", "source", "time"),
            "relation": ("from", "from", "to", "to", "labels", "deleted", "source", "time"),
            "snapshot": ("source", "source", "epoch", "time"),
        }, 4000)

    def test_control(self):
        self.verdicts(load("control"), {
            "acknowledge": ("by", "by", "comment", "deleted", "time"),
            "silence": ("entity", "signal", "labels", "by", "by", "comment", "until", "until", "deleted", "time"),
        }, 4000)

    def test_examples_of_the_docs(self):
        for tag, form in (("sample", "rootnote-json"), ("topology", "rootnote-json"), ("control", "rootnote-json"),
                          ("telegraf", "telegraf-json")):
            lines = list(examples(tag))
            self.assertGreaterEqual(len(lines), 2, tag)
            for line, answer in zip(lines, probe(["decode", form], lines)):
                self.assertEqual(answer, "ok", line)
                self.assertEqual(probe(["decode", "auto"], [line]), ["ok"], line)
                if tag != "telegraf":
                    validator(load(tag)).validate(json.loads(line))


if __name__ == "__main__":
    PROBE = sys.argv.pop(1)
    unittest.main()
