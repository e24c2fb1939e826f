#!/usr/bin/env python3
"""tidy.py CHECK [ROOT]: what a compiler does not say about this tree. Exit 1 and one line per finding.

Checks: includes (docs/include-table.md), sources (own header first, none forgotten), heavy (heavy headers), words (banned words and what to say instead),
sizes (lines, bytes), docs (links and names of files), format (clang-format). Python's standard library only.
"""

import fnmatch
import os
import posixpath
import re
import subprocess
import sys

OURS = ("bench", "connectors", "engine", "rules", "schemas", "tests")
CODE = (".h", ".cc")

# The library that a header belongs to; C and C++ headers belong to none.
LIBRARIES = (
    ("absl", r"absl/"), ("fmt", r"fmt/"), ("re2", r"re2/"), ("xxhash", r"xxhash\.h|xxh3\.h"),
    ("rapidjson", r"rapidjson/"), ("simdjson", r"simdjson"), ("yaml-cpp", r"yaml-cpp/"),
    ("tbb", r"tbb/|oneapi/"), ("rdkafka", r"librdkafka/|rdkafka"), ("httplib", r"httplib\.h"),
    ("zstd", r"zstd\w*\.h"), ("cli11", r"CLI/"), ("spdlog", r"spdlog/"), ("gtest", r"gtest/|gmock/"),
    ("benchmark", r"benchmark/"), ("posix", r"(sys|netinet|arpa|net|linux)/|(unistd|fcntl|poll|signal|pthread|"
     r"getopt|dirent|netdb|termios|sched|dlfcn|syslog|strings|fnmatch|glob|pwd|spawn|execinfo)\.h"))
C_HEADERS = {"assert.h", "errno.h", "limits.h", "math.h", "stddef.h", "stdint.h", "stdio.h", "stdlib.h", "string.h",
             "time.h", "inttypes.h", "stdarg.h", "setjmp.h", "fenv.h", "float.h"}

# Slow to compile: never in a header of ours, and in few .cc files. gtest is at home in tests.
HEAVY = ("simdjson", "tbb", "rdkafka", "httplib", "yaml-cpp", "cli11", "gtest")
CHEAP = ("rdkafka",)  # a C header of 0.03 s: kept out of our headers, free in the .cc files of its folder
HEAVY_FILES_MAX = 3
HEAVY_STANDARD = ("iostream", "regex", "ranges")

BANNED_IN_NAMES = {
    "Manager": "name the noun it holds (IncidentStore) or the verb it does (Router)",
    "Handler": "name what it does with what (Decoder, Router)",
    "Helper": "move it to its only user, or name what it is",
    "Util": "move it to its only user, or name what it is",
    "Utils": "move it to its only user, or name what it is",
    "Processor": "name the verb (Decoder, Correlator)",
    "Data": "name what the data are (Samples)",
    "Info": "name what it tells (Position, Version)",
    "Impl": "name how it differs from the interface (KafkaSource)",
}

# (what, folders it is banned from, folders or files where it is right, what instead)
EVERYWHERE = ("",)
ENGINE_ROOM = ("schemas", "rules", "engine")
BANNED_IN_CODE = (
    (r"\busing namespace\b(?! std::(chrono_|string_view_)?literals)", EVERYWHERE, (), "using NAME, or the whole name"),
    (r"\bstd::(ranges::)?views\b", EVERYWHERE, (), "a loop: clang 14 cannot parse libstdc++ 12's views"),
    (r"\bstd::(format|expected)\b", EVERYWHERE, (), "fmt::format, absl::StatusOr: not in GCC 12"),
    (r"\bstd::(basic_)?regex\b", EVERYWHERE, (), "RE2"),
    (r"\b(std::(jthread|thread|async)|pthread_create)\b(?!::id|::hardware_concurrency)", EVERYWHERE,
     ("connectors", "engine/shard_pool.cc", "engine/shard_pool.h", "engine/cli", "tests", "bench"),
     "the shard pool: threads are made there, in connectors and in engine/cli only"),
    (r"\b(sleep_for|sleep_until|usleep|nanosleep|SleepFor)\b|\bsleep\s*\(", EVERYWHERE, (),
     "a condition variable with a deadline, or the virtual clock"),
    (r"\babsl::(Mutex|MutexLock|CondVar)\b", EVERYWHERE, (),
     "std::mutex: ThreadSanitizer cannot see into Debian's build of Abseil"),
    (r"\babsl::Now\b|\b(system_clock|steady_clock|high_resolution_clock)::now\b|\bgettimeofday\b|\bclock_gettime\b",
     ENGINE_ROOM, ("engine/cli",), "event time, or a clock handed in"),
    (r"\bstd::random_device\b|\bs?rand\s*\(\)", ENGINE_ROOM, (), "nothing random below the pipeline"),
    (r"(?<!-)\bthrow\b", EVERYWHERE, ("tests",), "absl::Status: no exceptions of ours"),
)
BANNED_IN_TEXT = (
    (r"\bFIXME\b|\bXXX\b", "an issue, or the fix"),
    (r"(?<![\w.])/(work|home|root)/\w", "a path from the root of the repository"),
)
WORDS_EXEMPT = ("tests/tidy/",)  # they name the words in order to ban them

LINES_SOFT, LINES_HARD, BYTES_MAX, ARCHITECTURE_LINES_MAX = 400, 800, 256 * 1024, 200


class Tree:
    """The files of a working tree: tracked and new ones, without what git ignores."""

    def __init__(self, root):
        self.root = root
        git = subprocess.run(["git", "-c", "safe.directory=*", "-C", root, "ls-files", "-z", "--cached", "--others",
                              "--exclude-standard"], capture_output=True, check=False)
        if git.returncode == 0:
            names = {name for name in git.stdout.decode().split("\0") if name}
        else:
            names = {posixpath.relpath(os.path.join(folder, name), root) for folder, _, names in os.walk(root)
                     for name in names}
        self.files = sorted(name for name in names if os.path.isfile(os.path.join(root, name)))
        self.known = set(self.files)

    def read(self, name):
        with open(os.path.join(self.root, name), encoding="utf-8", errors="replace") as file:
            return file.read()

    def code(self):
        return [name for name in self.files if name.endswith(CODE) and name.split("/")[0] in OURS]


def without_comments(text):
    """Blanks comments, strings and characters; keeps the lines where they are."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'',
                         re.DOTALL)
    return pattern.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


def under(name, folders):
    return any(folder == "" or name == folder or name.startswith(folder + "/") for folder in folders)


def library_of(header):
    for library, pattern in LIBRARIES:
        if re.match(pattern, header):
            return library
    return "" if header in C_HEADERS or re.fullmatch(r"\w+", header) else "?"


def includes_of(text):
    for number, line in enumerate(text.split("\n"), 1):
        match = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
        if match:
            yield number, match.group(2), match.group(1) == '"'


def include_table(text):
    block = re.search(r"^```include-table\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    if not block:
        raise ValueError("docs/include-table.md has no include-table block")
    rows = {}
    for line in block.group(1).strip().split("\n"):
        where, ours, libraries = (part.strip() for part in line.split(":"))
        rows[where] = (ours.split(), libraries.split())
    return rows


def row_for(name, table):
    rows = [where for where in table if under(name, (where,)) or
            ("*" in where and fnmatch.fnmatch(name, where) and name.count("/") == where.count("/"))]
    return max(rows, key=len, default=None)


def check_includes(tree):
    table = include_table(tree.read("docs/include-table.md"))
    for name in tree.code():
        where = row_for(name, table)
        if where is None:
            yield f"{name}: no line of docs/include-table.md is about this folder"
            continue
        ours, libraries = table[where]
        for number, header, quoted in includes_of(tree.read(name)):
            place = f"{name}:{number}: includes {header}"
            if header.split("/")[0] in OURS and quoted:
                if header not in tree.known:
                    yield f"{place}, which does not exist"
                elif "*" not in ours and posixpath.dirname(header) not in ours:
                    yield f"{place}: {where} may include {' '.join(ours)}"
                continue
            library = library_of(header)
            if library == "?":
                yield f"{place}: neither ours (from the root of the repository) nor a known library"
            elif library and library not in libraries:
                yield f"{place}: {where} may use {' '.join(libraries)}"


def check_sources(tree):
    """A header with a .cc of its own name is the first that this one includes, so that compiling the .cc shows that
    the header stands alone (tests/tidy/CMakeLists.txt compiles the others). And no .cc is left out of the build."""
    lists = "\n".join(tree.read(name) for name in tree.files if posixpath.basename(name) == "CMakeLists.txt")
    for name in tree.code():
        if not name.endswith(".cc"):
            continue
        own = name[:-3] + ".h"
        first = next((header for _, header, _ in includes_of(tree.read(name))), None)
        if own in tree.known and first != own:
            yield f"{name}: its first include is not {own}"
        stem = posixpath.basename(name)[:-3]
        if not re.search(rf"(?<![\w.-]){re.escape(stem)}(\.cc)?(?![\w.-])", lists) and not name.endswith("_fuzz.cc"):
            yield f"{name}: in no CMakeLists.txt"


def check_heavy(tree):
    users = {library: [] for library in HEAVY}
    for name in tree.code():
        in_tests = name.startswith("tests/")
        for number, header, _ in includes_of(tree.read(name)):
            library = library_of(header)
            if name.endswith(".h"):
                if header in HEAVY_STANDARD or (library in HEAVY and not (library == "gtest" and in_tests)):
                    yield f"{name}:{number}: {header} is too heavy for a header: include it in the .cc, behind a pimpl"
            elif library in HEAVY and library not in CHEAP and not in_tests and name not in users[library]:
                users[library].append(name)
    for library, names in users.items():
        if len(names) > HEAVY_FILES_MAX:
            yield f"{library} is included by {len(names)} files, at most {HEAVY_FILES_MAX}: {' '.join(names)}"


def banned_name(name):
    for word, instead in BANNED_IN_NAMES.items():
        last = "$" if word in ("Data", "Info", "Impl") else "(?![a-z])"  # NoDataPolicy is about "no data"
        if name != "Impl" and re.search(rf"(?<![A-Z]){word}{last}", name):
            yield word, instead


def check_words(tree):
    for name in tree.files:
        if name.startswith(WORDS_EXEMPT) or not re.search(r"\.(h|cc|py|cmake|txt|md|json|yaml|rn|sh)$|^[^.]+$", name):
            continue
        text = tree.read(name)
        for number, line in enumerate(text.split("\n"), 1):
            for pattern, instead in BANNED_IN_TEXT:
                for match in re.finditer(pattern, line):
                    yield f"{name}:{number}: {match.group()}: {instead}"
        if name.endswith(".py") and name.startswith("tests/"):
            for number, line in enumerate(text.split("\n"), 1):
                if re.search(r"\btime\.sleep\b", line):
                    yield f"{name}:{number}: time.sleep: wait for what is to happen"
        if not name.endswith(CODE):
            continue
        stem = posixpath.basename(name)
        if re.search(r"(^|_)(util|utils|helper|helpers|manager|misc|common)[_.]", stem):
            yield f"{name}: name the file after what is in it"
        for number, line in enumerate(without_comments(text).split("\n"), 1):
            for match in re.finditer(r"\b(?:class|struct|enum class|enum|using|concept)\s+(?:\[\[\w+\]\]\s*)?(\w+)", line):
                for word, instead in banned_name(match.group(1)):
                    yield f"{name}:{number}: {word} in the name {match.group(1)}: {instead}"
            for pattern, folders, right, instead in BANNED_IN_CODE:
                match = re.search(pattern, line)
                if match and under(name, folders) and not under(name, right):
                    yield f"{name}:{number}: {match.group()}: {instead}"


def check_sizes(tree):
    for name in tree.files:
        size = os.path.getsize(os.path.join(tree.root, name))
        if size > BYTES_MAX:
            yield f"{name}: {size} bytes, at most {BYTES_MAX}: generate it, or keep less of it"
        if name.endswith(CODE + (".py", ".cmake", "CMakeLists.txt")):
            lines = tree.read(name).count("\n")
            if lines > LINES_HARD:
                yield f"{name}: {lines} lines, at most {LINES_HARD}: split by who owns the state"
            elif lines > LINES_SOFT:
                print(f"note: {name}: {lines} lines, better at most {LINES_SOFT}")


def anchors_of(text):
    text = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    for heading in re.findall(r"^#+\s+(.*?)\s*$", text, re.MULTILINE):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
    yield from re.findall(r'<a (?:id|name)="([^"]+)"', text)


def check_docs(tree):
    for required in ("README.md", "docs/architecture.md"):
        if required not in tree.known:
            yield f"{required}: missing"
    if "docs/architecture.md" in tree.known:
        text = tree.read("docs/architecture.md")
        if text.count("\n") > ARCHITECTURE_LINES_MAX:
            yield f"docs/architecture.md: {text.count(chr(10))} lines, at most {ARCHITECTURE_LINES_MAX}"
        if "include-table.md" not in text:
            yield "docs/architecture.md: does not link include-table.md"
    folders = {posixpath.dirname(name) for name in tree.files}
    folders |= {posixpath.dirname(folder) for folder in folders}
    for name in (name for name in tree.files if name.endswith(".md")):
        text = re.sub(r"^```.*?^```", lambda m: "\n" * m.group().count("\n"), tree.read(name),
                      flags=re.DOTALL | re.MULTILINE)
        for number, line in enumerate(text.split("\n"), 1):
            prose = re.sub(r"`[^`]*`", "", line)
            for target in re.findall(r"\]\(([^)\s]+)\)", prose):
                if re.match(r"[a-z]+:", target):
                    continue
                path, _, anchor = target.partition("#")
                path = posixpath.normpath(posixpath.join(posixpath.dirname(name), path)) if path else name
                if path not in tree.known and path not in folders:
                    yield f"{name}:{number}: the link {target} leads nowhere"
                elif anchor and path.endswith(".md") and anchor not in set(anchors_of(tree.read(path))):
                    yield f"{name}:{number}: {path} has no heading #{anchor}"
            for path in re.findall(r"`((?:%s|docs|cmake|scripts|examples)/[\w./-]+\.\w+)`" % "|".join(OURS), line):
                if path not in tree.known:
                    yield f"{name}:{number}: names the file {path}, which does not exist"


def check_format(tree):
    files = tree.code()
    if not files:
        return
    jobs, batch = os.cpu_count() or 1, 16
    batches = [files[i:i + batch] for i in range(0, len(files), batch)]
    for i in range(0, len(batches), jobs):
        running = [subprocess.Popen(["clang-format-14", "--dry-run", "-Werror", *some], cwd=tree.root, text=True,
                                    stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for some in batches[i:i + jobs]]
        for process in running:
            errors = [line for line in process.communicate()[1].split("\n") if ": error:" in line]
            for name in sorted({line.split(":")[0] for line in errors}):
                yield f"{name}: not formatted: make format"
            if process.returncode not in (0, 1):
                yield f"clang-format-14 ended with {process.returncode}"


CHECKS = {"includes": check_includes, "sources": check_sources, "heavy": check_heavy, "words": check_words, "sizes": check_sizes,
          "docs": check_docs, "format": check_format}


def main(arguments):
    if len(arguments) not in (1, 2) or arguments[0] not in CHECKS:
        print(__doc__, file=sys.stderr)
        return 64
    findings = list(CHECKS[arguments[0]](Tree(arguments[1] if len(arguments) == 2 else ".")))
    for finding in findings[:200]:
        print(finding)
    if findings:
        print(f"{len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
