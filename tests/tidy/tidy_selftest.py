#!/usr/bin/env python3
"""Every check of tidy.py finds the bad sample that is made for it here, and nothing in the good one."""

import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tidy  # noqa: E402

TABLE = """
```include-table
schemas/base   : schemas/base                 : absl
schemas        : schemas schemas/base         : absl
schemas/*json*.cc : schemas schemas/base      : absl simdjson
rules          : rules schemas schemas/base   : absl
engine         : engine rules schemas         : absl
engine/shard*.cc : engine rules schemas       : absl tbb
connectors/kafka : connectors/kafka           : rdkafka
tests          : *                            : gtest
```
"""
GOOD = {
    ".clang-format": "BasedOnStyle: Google\n",
    "README.md": "# Good\n\nSee [the design](docs/architecture.md#the-way) and `schemas/a.h`.\n",
    "docs/architecture.md": "# A\n\n## The way\n\n[Table](include-table.md)\n",
    "docs/include-table.md": TABLE,
    "schemas/base/time.h": "#pragma once\n#include <chrono>\n",
    "schemas/a.h": '#pragma once\n#include "schemas/base/time.h"\n\nstruct Sample {};  // Manager, throw: only words\n',
    "schemas/json_decoder.cc": '#include <simdjson.h>\n\n#include "schemas/a.h"\n',
    "engine/CMakeLists.txt": "SRCS a.cc shard_pool.cc\n\ta_test.cc json_decoder.cc\n",
    "engine/shard_pool.cc": "#include <oneapi/tbb/task_arena.h>\n",
    "tests/a_test.cc": '#include "schemas/a.h"\n\n#include <gtest/gtest.h>\n',
}


class TidyTest(unittest.TestCase):
    def findings(self, check, files):
        with tempfile.TemporaryDirectory() as root:
            for name, text in {**GOOD, **files}.items():
                path = os.path.join(root, name)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text)
            return list(tidy.CHECKS[check](tidy.Tree(root)))

    def expect(self, check, name, text, part):
        found = self.findings(check, {name: text})
        self.assertEqual(len(found), 1, found)
        self.assertIn(part, found[0])

    def test_good_tree_has_no_findings(self):
        for check in tidy.CHECKS:
            self.assertEqual(self.findings(check, {}), [], check)

    def test_includes(self):
        for name, line, part in (
                ("schemas/base/bad.h", '#include "schemas/a.h"', "schemas/base may include"),
                ("schemas/bad.cc", '#include "rules/lexer.h"', "does not exist"),
                ("rules/bad.cc", "#include <oneapi/tbb/task_arena.h>", "rules may use"),
                ("schemas/bad.cc", "#include <simdjson.h>", "schemas may use"),
                ("engine/bad.cc", "#include <librdkafka/rdkafka.h>", "engine may use"),
                ("engine/bad.cc", "#  include <boost/asio.hpp>", "neither ours"),
                ("rules/bad.cc", '#include "a.h"', "neither ours"),
                ("bench/bad.cc", "", "no line of docs/include-table.md")):
            self.expect("includes", name, line + "\n", part)
        self.expect("includes", "engine/shard_bad.cc", '#include "tests/x.h"\n', "does not exist")
        found = self.findings("includes", {"engine/x.h": "", "rules/bad.cc": '#include "engine/x.h"\n'})
        self.assertEqual(found, ["rules/bad.cc:1: includes engine/x.h: rules may include rules schemas schemas/base"])

    def test_sources(self):
        self.expect("sources", "engine/forgotten.cc", "", "in no CMakeLists.txt")
        self.expect("sources", "schemas/a.cc", '#include "schemas/base/time.h"\n#include "schemas/a.h"\n', "not schemas/a.h")
        self.assertEqual(self.findings("sources", {"schemas/a.cc": '// a\n#include "schemas/a.h"\n'}), [])

    def test_heavy(self):
        for header in ("iostream", "regex", "simdjson.h", "tbb/tbb.h", "gtest/gtest.h", "librdkafka/rdkafka.h"):
            self.expect("heavy", "engine/bad.h", f"#include <{header}>\n", "too heavy")
        four = {f"schemas/json_{i}.cc": "#include <simdjson.h>\n" for i in range(3)}
        self.assertIn("simdjson is included by 4 files", self.findings("heavy", four)[0])

    def test_words(self):
        for name, text, part in (
                ("engine/bad.h", "class ShardManager {};", "IncidentStore"),
                ("engine/bad.h", "struct SampleData;", "Samples"),
                ("engine/bad.h", "enum class ErrorInfo { kA };", "Info"),
                ("engine/string_util.cc", "", "name the file"),
                ("rules/bad.cc", "std::views::iota(1);", "a loop"),
                ("rules/bad.cc", "std::regex r;", "RE2"),
                ("rules/bad.cc", "using namespace rootnote;", "using NAME"),
                ("engine/bad.cc", "std::thread t;", "shard pool"),
                ("engine/bad.cc", "auto t = std::chrono::system_clock::now();", "event time"),
                ("engine/bad.cc", "absl::MutexLock lock(&mu);", "std::mutex"),
                ("rules/bad.cc", "throw 1;", "absl::Status"),
                ("tests/bad_test.cc", "std::this_thread::sleep_for(1s);", "condition variable"),
                ("tests/bad_test.py", "time.sleep(1)", "wait for"),
                ("docs/bad.md", "FIX" + "ME later", "an issue"),
                ("docs/bad.md", "see /wo" + "rk/main", "from the root")):
            self.expect("words", name, text + "\n", part)

    def test_words_in_comments_strings_and_their_own_places_are_free(self):
        self.assertEqual(self.findings("words", {
            "engine/shard_pool.h": "std::thread t;\n",
            "rules/a.cc": '// a throw\n/* std::regex\n sleep(1) */ auto s = "using namespace x";\nauto n = 1\'000;\n',
            "engine/a.cc": "class NoDataPolicy {};\nstruct Impl;\nusing namespace std::chrono_literals;\n",
            "engine/cli/a.cc": "auto t = std::chrono::steady_clock::now();\n"}), [])

    def test_sizes(self):
        self.expect("sizes", "rules/bad.cc", "\n" * 801, "801 lines")
        self.expect("sizes", "docs/blob.bin", "x" * (256 * 1024 + 1), "at most 262144")

    def test_docs(self):
        for text, part in (("[x](nowhere.md)", "leads nowhere"), ("[x](architecture.md#no)", "no heading"),
                           ("`engine/gone.cc`", "does not exist")):
            self.expect("docs", "docs/bad.md", text + "\n", part)
        self.expect("docs", "docs/architecture.md", "include-table.md\n\n## The way\n" * 101, "303 lines")

    def test_format(self):
        self.expect("format", "rules/bad.cc", "int   f( ) ;\n", "not formatted")


if __name__ == "__main__":
    unittest.main()
