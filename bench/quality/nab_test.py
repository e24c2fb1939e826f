"""nab_test.py [unit]: the scoring of NAB, on series made here, and with the engine's scores (not `unit`; needs $ROOTNOTE_BINARY
with rootnote-scores beside it)."""

import contextlib
import io
import json
import math
import os
import sys
import tempfile
import types
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import nab  # noqa: E402

MINUTE = 60_000


def series(length, windows, hits, name="made"):
    """Samples a minute; windows as pairs of places; what is detected, and how sure, by place."""
    one = nab.Series(name, [at * MINUTE for at in range(length)], [0.0] * length,
                     [[first * MINUTE, last * MINUTE] for first, last in windows])
    one.scores = [hits.get(at, 0.0) for at in range(length)]
    return one


class Scoring(unittest.TestCase):
    def test_nothing_said_is_0_and_all_at_once_is_100(self):
        self.assertEqual(nab.at_threshold([series(100, [(40, 59), (80, 89)], {})], 1), 0)
        found = series(100, [(40, 59), (80, 89)], {40: 1, 80: 1})
        self.assertAlmostEqual(nab.at_threshold([found], 1), 100)

    def test_earlier_is_better_and_once_is_enough(self):
        def of(*places):
            return nab.at_threshold([series(100, [(40, 59)], {at: 1 for at in places})], 1)

        self.assertGreater(of(40), of(45))
        self.assertGreater(of(45), of(58))
        self.assertEqual(of(45), of(45, 46, 58))
        # The sigmoid in the middle of the window, beside that at its beginning; a window missed costs 1.
        middle = (2 / (1 + math.exp(-2.5)) - 1) / (2 / (1 + math.exp(-5)) - 1)
        self.assertAlmostEqual(of(50), 100 * (middle + 1) / 2)

    def test_false_ones_cost_less_just_behind_a_window(self):
        def cost(place):
            return 100 - nab.at_threshold([series(200, [(60, 79)], {60: 1, place: 1})], 1)

        self.assertAlmostEqual(cost(40), 100 * 0.11 / 2)   # before any window: in full
        self.assertAlmostEqual(cost(190), 100 * 0.11 / 2)  # far behind
        self.assertLess(cost(81), 100 * 0.11 / 4)
        self.assertLess(cost(81), cost(90))

    def test_the_first_part_is_probation(self):
        early = series(100, [(40, 59)], {3: 1, 14: 1, 40: 1})
        self.assertAlmostEqual(nab.at_threshold([early], 1), 100)
        self.assertLess(nab.at_threshold([series(100, [(40, 59)], {15: 1, 40: 1})], 1), 100)
        self.assertEqual(nab.probation_of(20_000), 750)

    def test_one_threshold_for_all(self):
        sure = series(100, [(40, 59)], {40: 9, 90: 2}, "sure")
        unsure = series(100, [(40, 59)], {40: 3, 90: 1}, "unsure")
        threshold, best = nab.optimum([sure, unsure])
        self.assertEqual(threshold, 3)
        self.assertAlmostEqual(best, 100)
        self.assertAlmostEqual(nab.at_threshold([sure, unsure], 9), 50)
        self.assertEqual(nab.told([sure, unsure], 2), [{"series": "sure", "found": 1, "windows": 1, "false": 1},
                                                       {"series": "unsure", "found": 1, "windows": 1, "false": 0}])

    def test_series_without_windows_only_cost(self):
        calm = series(100, [], {50: 1}, "calm")
        both = [calm, series(100, [(40, 59)], {40: 1}, "other")]
        self.assertAlmostEqual(nab.at_threshold(both, 1), 100 - 100 * 0.11 / 2)
        self.assertEqual(nab.at_threshold([calm], 1), 0)


def write(folder, rows, windows):
    os.makedirs(os.path.join(folder, "labels"))
    os.makedirs(os.path.join(folder, "data", "made"))
    with open(os.path.join(folder, "labels", "combined_windows.json"), "w", encoding="utf-8") as file:
        json.dump({"made/one.csv": windows}, file)
    with open(os.path.join(folder, "data", "made", "one.csv"), "w", encoding="utf-8") as file:
        file.write("timestamp,value\n" + "".join(f"{time},{value}\n" for time, value in rows))


def hours(level):
    """Two weeks and four days of a sample an hour, with a level in the last but one day."""
    return [(f"2020-01-{1 + at // 24:02} {at % 24:02}:00:00", level if at == 17 * 24 else at % 5) for at in range(19 * 24)]


class Loading(unittest.TestCase):
    def test_clocks_that_were_set_back(self):
        with tempfile.TemporaryDirectory() as folder:
            write(folder, [("2020-01-01 02:00:00", 1), ("2020-01-01 01:00:00", 2)], [])
            (one,) = nab.load(folder)
            self.assertEqual(one.times[1] - one.times[0], 1)

    def test_what_is_no_sample(self):
        for row, said in ((("soon", 1), "no time"), (("2020-01-01 01:00:00", "x"), "no number")):
            with tempfile.TemporaryDirectory() as folder:
                write(folder, [row], [])
                with self.assertRaisesRegex(nab.BadData, f"one.csv:2: {said}"):
                    nab.load(folder)
        with tempfile.TemporaryDirectory() as folder, self.assertRaisesRegex(nab.BadData, "no labels"):
            nab.load(folder)


class Evaluator(unittest.TestCase):
    """The whole way, with the engine's own scores."""

    def test_a_spike_that_never_was(self):
        with tempfile.TemporaryDirectory() as folder:
            write(folder, hours(100), [["2020-01-18 00:00:00.000000", "2020-01-18 12:00:00.000000"]])
            report = nab.measure(folder, nab.tool_beside(os.environ["ROOTNOTE_BINARY"]))
            self.assertEqual(report["windows"], 1)
            self.assertAlmostEqual(report["pack"]["score"], 100)
            out = os.path.join(folder, "report.json")
            arguments = types.SimpleNamespace(data=folder, report=out, rootnote=os.environ["ROOTNOTE_BINARY"], verbose=True)
            with contextlib.redirect_stdout(io.StringIO()) as shown:
                self.assertEqual(nab.main(arguments), 0)
            self.assertIn("1 of 1, 0 false", shown.getvalue())
            with open(out, encoding="utf-8") as file:
                self.assertAlmostEqual(json.load(file)["optimised"]["score"], 100)

    def test_what_is_not_there(self):
        arguments = types.SimpleNamespace(data="/nowhere", report=None, rootnote=os.environ["ROOTNOTE_BINARY"])
        with contextlib.redirect_stderr(io.StringIO()) as said:
            self.assertEqual(nab.main(arguments), 66)
        self.assertIn("/nowhere", said.getvalue())


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1] == "unit":
        del Evaluator
    unittest.main(argv=sys.argv[:1])
