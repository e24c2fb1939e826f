"""The frame of every test here: the first argument is the broker's version, others are unittest's."""

import sys
import unittest

from broker import VERSIONS


class Run:
    version = None

    def __call__(self, doc):
        if len(sys.argv) < 2 or sys.argv[1] not in VERSIONS:
            print(f"{doc}\nversions: {' '.join(VERSIONS)}", file=sys.stderr)
            sys.exit(64)
        self.version = sys.argv.pop(1)
        unittest.main(module="__main__", verbosity=2)


run = Run()
