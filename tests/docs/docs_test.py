#!/usr/bin/env python3
"""docs_test.py language|tutorial|cep|packs|errors|readme|config|testing: what the docs say, run with $ROOTNOTE_BINARY.

language, tutorial, cep, packs
          docs/rule-language.md, docs/tutorial.md, docs/cep.md, docs/packs/*.md, block by block, by the tag of the fence:
            rule             `rootnote check` finds no error
            rule estate      the same, and it is put before all later blocks of the page, until the next estate
            rule-error E0123 `rootnote check` finds that code, and no other
            scenario         `rootnote test` passes
            rule later       like rule, but what is not executed yet (E0300) is no error
            prometheus       the same as rule, for a rule file of Prometheus; prometheus-error E0123 as rule-error
            text             nothing: grammar, output
          A further word seen=a,b in the tag: `check` is told that these metrics have been seen.
          A block without a tag, or with another, fails.
errors    docs/errors/E*.md: one page per code of rules/diagnostic_codes.h and no other; the page is named by its first
          heading, and has a failing example (rule-error of that code) and a fixed one (rule).
readme    README.md: `sh` blocks line by line: `make TARGET` names a target, `rootnote …` ends with exit code 0.
testing   docs/testing.md: the same tags, and promqltest: `rootnote test` passes with nothing skipped.
config    every key of schemas/config.schema.json stands in docs/operating.md; examples/rootnote.yaml is accepted.
"""

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile

CODES = "rules/diagnostic_codes.h"


def blocks(text):
    """(line, info string, body) of every fenced block."""
    lines = text.split("\n")
    i = 0
    while i < len(lines):
        fence = re.match(r"^(\s*)(`{3,}|~{3,})(.*)$", lines[i])
        if not fence:
            i += 1
            continue
        start, indent, mark = i + 1, len(fence.group(1)), fence.group(2)
        i += 1
        body = []
        while i < len(lines) and lines[i].strip() != mark:
            body.append(lines[i][indent:])
            i += 1
        yield start, fence.group(3).strip(), "\n".join(body) + "\n"
        i += 1


class Binary:
    """The rootnote under test."""

    def __init__(self, path):
        self.path = path
        self.seen = []

    def run(self, arguments, cwd=None):
        done = subprocess.run([self.path, *arguments], capture_output=True, text=True, cwd=cwd, timeout=120,
                              check=False, env={**os.environ, "NO_COLOR": "1"})
        return done.returncode, done.stdout + done.stderr

    def with_seen(self, names):
        """The same, but `check` is told the names of the metrics that were seen."""
        other = Binary(self.path)
        other.seen = names
        return other

    def on(self, command, text, name="example.rn"):
        """Exit code and output of `rootnote COMMAND` on a file with `text`."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, name)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            if not self.seen:
                return self.run([command, path])
            names = os.path.join(folder, "seen.txt")
            with open(names, "w", encoding="utf-8") as file:
                file.write("\n".join(self.seen))
            return self.run([command, path, "--seen", names])


def codes_in(output):
    return set(re.findall(r"\b(?:error|warning|note)\[(E\d{4})\]", output))


def check_block(binary, info, body, estate):
    """None, or what is wrong with the block."""
    words = info.split()
    seen = [word[5:] for word in words if word.startswith("seen=")]
    if seen:
        info = " ".join(word for word in words if not word.startswith("seen="))
        words = info.split()
        binary = binary.with_seen(seen[0].split(","))
    if info in ("rule", "rule estate"):
        code, output = binary.on("check", estate + body)
        return None if code == 0 else f"check ends with {code}:\n{output}"
    if words[:1] == ["rule-error"] and len(words) == 2:
        code, output = binary.on("check", estate + body)
        found = codes_in(output)
        if found != {words[1]}:
            return f"expected {words[1]} alone, check finds {' '.join(sorted(found)) or 'nothing'}:\n{output}"
        return None if code in (0, 1) else f"check ends with {code}:\n{output}"
    if info == "rule later":
        code, output = binary.on("check", estate + body)
        return None if code == 0 or codes_in(output) == {"E0300"} else f"check ends with {code}:\n{output}"
    if info == "scenario":
        code, output = binary.on("test", estate + body)
        return None if code == 0 else f"test ends with {code}:\n{output}"
    if info == "promqltest":
        code, output = binary.on("test", body, "example.test")
        passed = code == 0 and output.endswith(" passed, 0 failed, 0 skipped\n")
        return None if passed else f"test ends with {code}:\n{output}"
    if words[:1] == ["prometheus"] and len(words) == 1:
        code, output = binary.on("check", body, "example.yaml")
        return None if code == 0 and not codes_in(output) else f"check ends with {code}:\n{output}"
    if words[:1] == ["prometheus-error"] and len(words) == 2:
        found = codes_in(binary.on("check", body, "example.yaml")[1])
        return None if found == {words[1]} else f"expected {words[1]} alone, check finds {' '.join(sorted(found))}"
    if info == "text":
        return None
    return f"a block tagged {info!r}" if info else "a block without a tag"


def check_page(binary, name, text):
    """Findings of one page, and the tags that were seen."""
    findings, tags, estate = [], [], ""
    for line, info, body in blocks(text):
        wrong = check_block(binary, info, body, "" if info == "rule estate" else estate)
        if wrong:
            findings.append(f"{name}:{line}: {wrong}")
        if info == "rule estate":
            estate = body
        tags.append(re.sub(r" seen=\S+", "", info))
    return findings, tags


def codes_of(text):
    return {f"E{int(number):04d}" for number in re.findall(r"^\s*X\((\d+),", text, re.MULTILINE)}


def check_errors(binary, codes, pages):
    """`pages`: text by code."""
    findings = [f"{code}: no page docs/errors/{code}.md" for code in sorted(codes - pages.keys())]
    findings += [f"docs/errors/{code}.md: no such code in {CODES}" for code in sorted(pages.keys() - codes)]
    for code in sorted(codes & pages.keys()):
        name = f"docs/errors/{code}.md"
        wrong, tags = check_page(binary, name, pages[code])
        findings += wrong
        heading = re.match(r"# (E\d{4})\b", pages[code])
        if not heading or heading.group(1) != code:
            findings.append(f"{name}: does not begin with the heading # {code}")
        if f"rule-error {code}" not in tags and f"prometheus-error {code}" not in tags:
            findings.append(f"{name}: no failing example (rule-error {code})")
        if not {"rule", "scenario", "prometheus"} & set(tags):
            findings.append(f"{name}: no fixed example (rule)")
    return findings


def check_readme(binary, text, targets):
    findings, seen = [], 0
    for line, info, body in blocks(text):
        if info not in ("sh", "text", "json", "console"):
            findings.append(f"README.md:{line}: a block tagged {info!r}: sh is run, text, json and console are not")
        if info != "sh":
            continue
        for command in body.split("\n"):
            words = shlex.split(command, comments=True)
            if not words:
                continue
            seen += 1
            if words[0] == "make":
                findings += [f"README.md:{line}: make {word}: no such target" for word in words[1:]
                             if "=" not in word and word not in targets]
            elif os.path.basename(words[0]) == "rootnote":
                code, output = binary.run(words[1:])
                if code != 0:
                    findings.append(f"README.md:{line}: {command}: ends with {code}:\n{output}")
            else:
                findings.append(f"README.md:{line}: {command}: cannot be verified here")
    if not seen:
        findings.append("README.md: no command in a block tagged sh")
    return findings


def keys_of(schema):
    """Every property name anywhere in a JSON Schema. A property may itself be called `properties`."""
    if isinstance(schema, list):
        for value in schema:
            yield from keys_of(value)
    if not isinstance(schema, dict):
        return
    for name, value in schema.items():
        if name == "properties" and isinstance(value, dict):
            for key, of_key in value.items():
                yield key
                yield from keys_of(of_key)
        else:
            yield from keys_of(value)


def check_config(binary, schema, operating):
    keys = set(keys_of(schema))
    findings = [] if keys else ["schemas/config.schema.json: no keys"]
    for key in sorted(keys):
        if not re.search(rf"`[^`\n]*\b{re.escape(key)}\b[^`\n]*`|^\s*(#\s*)?{re.escape(key)}:", operating, re.MULTILINE):
            findings.append(f"docs/operating.md: the key {key} of schemas/config.schema.json is not described")
    code, output = binary.run(["check", "examples/rootnote.yaml"])
    if code != 0:
        findings.append(f"examples/rootnote.yaml: check ends with {code}:\n{output}")
    return findings


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def main(arguments):
    binary = Binary(os.environ["ROOTNOTE_BINARY"])
    if arguments == ["language"]:
        findings, tags = check_page(binary, "docs/rule-language.md", read("docs/rule-language.md"))
        if "rule" not in tags or "scenario" not in tags:
            findings.append("docs/rule-language.md: no rule or no scenario in it")
    elif arguments == ["testing"]:
        findings, tags = check_page(binary, "docs/testing.md", read("docs/testing.md"))
        if "promqltest" not in tags:
            findings.append("docs/testing.md: no example of a promqltest file in it")
    elif arguments in (["tutorial"], ["cep"]):
        page = f"docs/{arguments[0]}.md"
        findings, tags = check_page(binary, page, read(page))
        if "rule" not in tags or "scenario" not in tags:
            findings.append(f"{page}: no rule or no scenario in it")
    elif arguments == ["packs"]:
        findings, tags = [], set()
        for name in sorted(os.listdir("docs/packs")):
            found, seen = check_page(binary, f"docs/packs/{name}", read(f"docs/packs/{name}"))
            findings += found
            tags |= set(seen)
        if "rule" not in tags:
            findings.append("docs/packs: no rule in it")
    elif arguments == ["errors"]:
        names = [name for name in os.listdir("docs/errors") if re.fullmatch(r"E\d{4}\.md", name)]
        findings = check_errors(binary, codes_of(read(CODES)), {name[:-3]: read(f"docs/errors/{name}") for name in names})
    elif arguments == ["readme"]:
        findings = check_readme(binary, read("README.md"), set(re.findall(r"^(\w+):", read("Makefile"), re.MULTILINE)))
    elif arguments == ["config"]:
        findings = check_config(binary, json.loads(read("schemas/config.schema.json")), read("docs/operating.md"))
    else:
        print(__doc__, file=sys.stderr)
        return 64
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
