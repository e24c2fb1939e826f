#!/usr/bin/python3
"""The measurement measured: the scorer by hand, the loaders on small sets of our own, and a renamed replay.

With $ROOTNOTE_BINARY the replays run too: quality_test.py [unit|replay].
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import baselines  # noqa: E402
import case as cases  # noqa: E402
import made  # noqa: E402
import nezha  # noqa: E402
import petshop  # noqa: E402
import rootcausebench  # noqa: E402
import score  # noqa: E402
import table  # noqa: E402

MINUTE = 60_000


def revision(number, state, at, roots, impact=(), symptoms=(), status="open", ident="rn-1", opened=None):
    """An incident record with what the scorer reads."""
    text = cases.shown(at)
    return {"incident_id": ident, "revision": number, "state": state, "status": status, "severity": "warning",
            "opened_at": cases.shown(at if opened is None else opened), "updated_at": text,
            "reopened_at": text if state == "reopened" else None,
            "root": [{"entity": entity, "score": points} for points, entity in roots],
            "impact": [{"entity": entity, "potential": potential} for entity, potential in impact],
            "symptoms": [{"signal": "slow", "entity": entity, "severity": severity, "onset": cases.shown(onset)}
                         for entity, severity, onset in symptoms]}


def fault(at, roots, affected=None, name="f"):
    return {"name": name, "time": at, "window": [at - MINUTE, at + 7 * MINUTE], "roots": roots, "affected": affected}


def case_of(faults, hours=2):
    return {"name": "c", "start": 0, "end": hours * 60 * MINUTE, "faults": faults}


class Scores(unittest.TestCase):
    def test_a_fault_takes_one_incident(self):
        truth = case_of([fault(30 * MINUTE, ["a"])])
        records = [revision(1, "open", 31 * MINUTE, [(9, "a")]),
                   revision(1, "open", 33 * MINUTE, [(9, "b")], ident="rn-2"),
                   revision(1, "open", 50 * MINUTE, [(9, "b")], ident="rn-3")]
        scored = score.score_case(truth, score.openings_of(records))
        figures = score.summary([scored])
        self.assertEqual((figures["recall"], figures["duplicates_per_fault"], figures["false"]), (1, 1, 1))
        self.assertAlmostEqual(figures["precision"], 1 / 3)
        self.assertEqual(figures["delay_median"], 60)
        self.assertAlmostEqual(figures["quiet_hours"], (120 - 8) / 60)
        self.assertEqual(scored["false"][0]["id"], "rn-3")

    def test_windows_end_where_they_say(self):
        truth = case_of([fault(30 * MINUTE, ["a"])])
        for at, found in ((29 * MINUTE, 1), (29 * MINUTE - 1000, 0), (37 * MINUTE, 1), (37 * MINUTE + 1000, 0)):
            scored = score.score_case(truth, score.openings_of([revision(1, "open", at, [(9, "a")])]))
            self.assertEqual(score.summary([scored])["recall"], found, at)

    def test_the_nearest_fault_is_meant(self):
        truth = case_of([fault(30 * MINUTE, ["a"]), fault(34 * MINUTE, ["b"])])
        scored = score.score_case(truth, score.openings_of([revision(1, "open", 33 * MINUTE, [(9, "b")])]))
        self.assertEqual([row["found"] for row in scored["faults"]], [False, True])

    def test_reopened_is_another_opening(self):
        truth = case_of([fault(30 * MINUTE, ["a"]), fault(60 * MINUTE, ["a"])])
        records = [revision(1, "open", 31 * MINUTE, [(9, "a")]),
                   revision(2, "resolved", 40 * MINUTE, [(9, "a")], status="resolved", opened=31 * MINUTE),
                   revision(3, "reopened", 61 * MINUTE, [(9, "b")], opened=31 * MINUTE)]
        scored = score.score_case(truth, score.openings_of(records))
        self.assertEqual([row["top1"] for row in scored["faults"]], [1, 0])
        self.assertEqual(scored["faults"][1]["delay"], 60)

    def test_the_last_root_counts(self):
        truth = case_of([fault(30 * MINUTE, ["a"])])
        records = [revision(1, "open", 31 * MINUTE, [(9, "b"), (3, "a")]),
                   revision(2, "updated", 32 * MINUTE, [(9, "a"), (3, "b")], opened=31 * MINUTE)]
        row = score.score_case(truth, score.openings_of(records))["faults"][0]
        self.assertEqual((row["top1"], row["first_top1"], row["right_after"]), (1, 0, 120))

    def test_ties_share_their_places(self):
        self.assertEqual(score.shares_of([(5, "a"), (5, "b")], {"a"}), (0.5, 1.0))
        first, three = score.shares_of([(9, "x"), (5, "a"), (5, "b"), (5, "c")], {"a"})
        self.assertEqual(first, 0)
        self.assertAlmostEqual(three, 2 / 3)
        self.assertEqual(score.shares_of([(9, "x"), (8, "y"), (7, "z"), (5, "a")], {"a"}), (0.0, 0.0))
        self.assertEqual(score.shares_of([(9, "a"), (5, "a")], {"a"}), (1.0, 1.0))
        self.assertEqual(score.shares_of([], {"a"}), (0.0, 0.0))

    def test_affected(self):
        truth = case_of([fault(30 * MINUTE, ["a"], ["b", "c"])])
        symptoms = [(entity, "warning", 30 * MINUTE) for entity in "abd"] + [("e", "info", 30 * MINUTE)]
        records = [revision(1, "open", 31 * MINUTE, [(9, "a")], [("b", False), ("d", False), ("c", True), ("e", False)],
                            symptoms)]
        row = score.score_case(truth, score.openings_of(records))["faults"][0]
        self.assertEqual(row["jaccard"], 2 / 4)  # a, b of a, b, c, d
        self.assertEqual((row["affected_missing"], row["affected_wrong"]), (["c"], ["d"]))

    def test_v_measure(self):
        self.assertEqual(score.v_measure([]), 1)
        self.assertAlmostEqual(score.v_measure([(0, 0), (0, 0), (1, 1)]), 1)
        self.assertAlmostEqual(score.v_measure([(0, 0), (1, 0)]), 0)
        self.assertAlmostEqual(score.v_measure([(0, 0), (0, 1), (1, 2), (1, 2)]), 0.8)

    def test_the_program_reads_files(self):
        with tempfile.TemporaryDirectory() as folder:
            truth, incidents = os.path.join(folder, "truth.json"), os.path.join(folder, "incidents.jsonl")
            with open(truth, "w", encoding="utf-8") as file:
                json.dump({**case_of([{**fault(30 * MINUTE, ["a"]), "family": "disk"}]), "start": "1970-01-01T00:00:00Z"}, file)
            with open(incidents, "w", encoding="utf-8") as file:
                file.write(json.dumps(revision(1, "open", 31 * MINUTE, [(9, "a")])) + "\n")
            done = subprocess.run([sys.executable, os.path.join(HERE, "score.py"), "--truth", truth, "--incidents",
                                   incidents], capture_output=True, text=True, check=True)
            self.assertEqual(json.loads(done.stdout)["families"]["disk"]["root_top1"], 1)
            with open(incidents, "w", encoding="utf-8") as file:
                file.write("{}\n{broken\n")
            done = subprocess.run([sys.executable, os.path.join(HERE, "score.py"), "--truth", truth, "--incidents",
                                   incidents], capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 66)
            self.assertIn("incidents.jsonl:1: no incident record", done.stderr)


def signal(entity, fired, name="slow", ended=None, severity="warning"):
    return {"signal": name, "entity": entity, "family": "latency", "severity": severity, "onset": fired * MINUTE,
            "fired": fired * MINUTE, "ended": (fired + 10 if ended is None else ended) * MINUTE}


class Baselines(unittest.TestCase):
    # shop calls cart, cart calls store; cart is what failed first, store is well.
    signals = [signal("shop", 31), signal("cart", 30), signal("till", 32)]
    below = {"shop": {"cart", "till"}, "cart": {"store"}}

    def setUp(self):
        self.signals = sorted(self.signals, key=lambda one: one["fired"])

    def test_earliest(self):
        opening, = baselines.earliest_symptom(self.signals, self.below)
        self.assertEqual([entity for _, entity in opening["ranks"]], ["cart", "shop", "till"])
        self.assertEqual(opening["opened"], 30 * MINUTE + 20_000)

    def test_deepest_is_a_tie_of_all_that_have_nothing_wrong_below(self):
        opening, = baselines.deepest_anomalous(self.signals, self.below)
        self.assertEqual(score.shares_of(opening["ranks"], {"cart"}), (0.5, 1.0))

    def test_label_groups_know_no_root(self):
        openings = baselines.label_groups(self.signals + [signal("cart", 33, "failing")], self.below)
        self.assertEqual(len(openings), 2)
        self.assertAlmostEqual(score.shares_of(openings[0]["ranks"], {"cart"})[0], 1 / 3)

    def test_walks_end_where_most_leads(self):
        opening, = baselines.random_walk(self.signals[:2], self.below)
        self.assertEqual(opening["ranks"][0][1], "cart")
        self.assertAlmostEqual(sum(points for points, _ in opening["ranks"]), 1, places=6)

    def test_a_pause_parts_incidents_and_info_opens_none(self):
        later = self.signals + [signal("shop", 60), signal("till", 100, severity="info")]
        self.assertEqual(len(baselines.earliest_symptom(later, self.below)), 2)

    def test_signals_come_from_transitions(self):
        lines = [{"time": cases.shown(3 * MINUTE), "signal": "slow", "entity": "a", "family": "latency",
                  "severity": "warning", "from": "pending", "to": "firing", "onset": cases.shown(2 * MINUTE)},
                 {"time": cases.shown(9 * MINUTE), "signal": "slow", "entity": "a", "family": "latency",
                  "severity": "warning", "from": "firing", "to": "inactive", "onset": cases.shown(2 * MINUTE)}]
        found, = baselines.signals_of(lines)
        self.assertEqual((found["onset"], found["fired"], found["ended"]), (2 * MINUTE, 3 * MINUTE, 9 * MINUTE))


class Reading(unittest.TestCase):
    def test_names_of_metrics(self):
        for column, name in (("CpuUsageRate(%)", "cpu_usage_rate_percent"), ("LatencyP50(s)", "latency_p50_seconds"),
                             ("MemoryUsage(Mi)", "memory_usage_mebibytes"), ("p99", "p99"), ("5xx rate", "m_5xx_rate")):
            self.assertEqual(cases.metric_name(column), name)

    def test_times(self):
        self.assertEqual(cases.time_ms("1970-01-01 00:01:01.25 +0000 UTC m=+0.3", "x"), 61_250)
        self.assertEqual(cases.time_ms("1970-01-01T02:00:00+02:00", "x"), 0)
        self.assertEqual(cases.time_ms("1970-01-01 00:02", "x"), 120_000)
        for wrong in ("yesterday", "1970-13-01 00:00:00"):
            with self.assertRaises(cases.BadData):
                cases.time_ms(wrong, "file:3")

    def test_cells_that_are_no_samples(self):
        for cell in ("", " ", "NaN", "null", "+Inf"):
            self.assertIsNone(cases.number(cell, "x"))
        self.assertEqual(cases.number("1e-3", "x"), 0.001)
        with self.assertRaisesRegex(cases.BadData, "file:3: \"many\" is no number"):
            cases.number("many", "file:3")

    def test_entities_are_encoded(self):
        self.assertEqual(cases.entity_name(("component", "a/b:c%d e")), "component:a%2Fb%3Ac%25d e")


class Sets(unittest.TestCase):
    """Small sets of our own in the layout of each real one."""

    def load(self, make, loader, **how):
        with tempfile.TemporaryDirectory() as folder:
            make(folder, **how)
            return loader.load(folder)

    def test_nezha(self):
        case, other = self.load(made.nezha, nezha, days=2)
        self.assertEqual([len(case.faults), len(other.faults)], [1, 1])
        self.assertEqual(case.faults[0]["roots"], ["pod:cart-5d4f8c7b9d-bbbbb"])
        self.assertIn(("calls", ("pod", "front-5d4f8c7b9d-aaaaa"), ("pod", "cart-5d4f8c7b9d-bbbbb")), case.relations)
        self.assertIn(("placed_on", ("pod", "cart-5d4f8c7b9d-bbbbb"), ("node", "10.0.0.2")), case.relations)
        self.assertTrue(any(labels == {"pod": "front-5d4f8c7b9d-aaaaa"} and "service_latency_p50_seconds" in metrics
                            for _, labels, metrics in case.rows))
        edges = [labels for _, labels, metrics in case.rows if "call_source_latency_p50_seconds" in metrics]
        self.assertEqual(edges[0], {"caller": "front-5d4f8c7b9d-aaaaa", "callee": "cart-5d4f8c7b9d-bbbbb"})
        self.assertNotEqual(case.name, other.name)
        # The column Time is right; TimeStamp lies by 200,000,000 s.
        self.assertLess(case.end - case.start, 24 * 3_600_000)

    def test_nezha_without_what_may_be_missing(self):
        case, = self.load(made.nezha, nezha, leave_out=("dependency.csv", "front_service.csv", "destination_50.csv"))
        self.assertIn(("calls", ("pod", "front-5d4f8c7b9d-aaaaa"), ("pod", "cart-5d4f8c7b9d-bbbbb")), case.relations)
        self.assertFalse(any("node" in labels for _, labels, _ in case.rows))
        self.assertEqual(len([note for note in case.notes if "missing" in note]), 3)

    def test_nezha_broken(self):
        with tempfile.TemporaryDirectory() as folder:
            made.nezha(folder)
            path = os.path.join(folder, "2030-01-01", "metric", "source_50.csv")
            with open(path, "a", encoding="utf-8") as file:
                file.write("2030-01-01 05:00:00,0,fast,\n")
            with self.assertRaisesRegex(cases.BadData, r"source_50\.csv:\d+: \"fast\" is no number"):
                nezha.load(folder)
            with self.assertRaisesRegex(cases.BadData, "no \\*fault_list.json"):
                nezha.load(os.path.join(folder, "2030-01-01", "metric"))

    def test_petshop(self):
        case, = self.load(made.petshop, petshop)
        self.assertEqual([len(case.faults), len(case.entities)], [3, 4])
        self.assertIn(("calls", ("component", "site"), ("component", "list::Api")), case.relations)
        first = case.faults[0]
        self.assertEqual(first["roots"], ["component:store_AWS%3A%3ATable"])
        # Issues come one after the other, whatever dates they have; empty cells are no samples.
        self.assertEqual([one["time"] for one in case.faults], sorted(one["time"] for one in case.faults))
        self.assertFalse(any(labels.get("component") == "idle" for _, labels, _ in case.rows))
        times = sorted({time for time, _, _ in case.rows})
        self.assertEqual({b - a for a, b in zip(times, times[1:])}, {300_000})

    def test_rootcausebench(self):
        case, = self.load(made.rootcausebench, rootcausebench)
        self.assertEqual(case.faults[0]["roots"], ["service:db"])
        self.assertEqual(case.faults[0]["affected"], ["service:api", "service:web"])
        calls = {(depends[1], on[1]) for relation, depends, on in case.relations if relation == "calls"}
        self.assertEqual(calls, {("web", "api"), ("api", "db"), ("batch", "db")})
        self.assertIn(("asks", ("service", "api"), ("external", "mail.example")), case.relations)
        self.assertIn(("reads_of", ("service", "batch"), ("service", "api")), case.relations)

    def test_families_of_measures(self):
        for measure, family in (("http_5xx_per_sec", "errors"), ("checkout_success_ratio", "health"), ("lag_seconds", "latency"),
                                ("db_pool_max_conns", "capacity"), ("memory_used_bytes", "saturation"), ("disk_free_bytes", "capacity"),
                                ("color", "other"), ("orders_per_min", "traffic")):
            self.assertEqual(rootcausebench.family_of(measure), family, measure)

    def test_renamed(self):
        case, = self.load(made.rootcausebench, rootcausebench)
        other, back = cases.renamed(case, 7)
        self.assertEqual(len(other.relations), len(case.relations))
        self.assertFalse({ident for _, ident in other.entities} & {ident for _, ident in case.entities})
        self.assertEqual({back[cases.entity_name(entity)] for entity in other.entities},
                         {cases.entity_name(entity) for entity in case.entities})
        with tempfile.TemporaryDirectory() as folder:
            paths = [os.path.join(folder, name) for name in ("a", "b")]
            cases.write_input(case, paths[0])
            cases.write_input(case, paths[1], seed=3)
            lines = []
            for path in paths:
                with open(path, encoding="utf-8") as file:
                    lines.append(file.read().splitlines())
            self.assertNotEqual(lines[0], lines[1])
            self.assertEqual(sorted(lines[0]), sorted(lines[1]))
            times = [json.loads(line)["time"] for line in lines[1]]
            self.assertTrue(all(b > a - 5000 for a, b in zip(times, times[1:])))


class Tables(unittest.TestCase):
    def test_columns_are_aligned(self):
        lines = table.aligned(["", "a", "bc"], [["ours", "1.00", "2"], ["theirs too", "0.5", "–"]]).splitlines()
        self.assertEqual(len({len(line) for line in lines}), 1)


class Replays(unittest.TestCase):
    """The whole way with the engine: each small set, and again with other names and another order."""

    def run_set(self, make, name):
        with tempfile.TemporaryDirectory() as folder:
            make(folder)
            path = os.path.join(folder, "report.json")
            done = subprocess.run([sys.executable, os.path.join(HERE, "run"), "--set", name, "--data", folder, "--rootnote",
                                   os.environ["ROOTNOTE_BINARY"], "--rename", "11", "--report", path, "-v"],
                                  capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            with open(path, encoding="utf-8") as file:
                report = json.load(file)
            self.assertTrue(report["renamed"]["same"])
            return report, done.stdout

    def test_nezha(self):
        report, shown = self.run_set(made.nezha, "nezha")
        self.assertEqual((report["ours"]["recall"], report["ours"]["root_top1"], report["ours"]["false"]), (1, 1, 0), shown)

    def test_petshop(self):
        report, shown = self.run_set(made.petshop, "petshop")
        self.assertEqual((report["ours"]["recall"], report["ours"]["root_top1"]), (1, 1), shown)

    def test_rootcausebench(self):
        report, shown = self.run_set(made.rootcausebench, "rootcausebench")
        self.assertEqual((report["ours"]["recall"], report["ours"]["root_top1"], report["ours"]["jaccard"]), (1, 1, 1), shown)

    def test_what_is_not_there(self):
        run = [sys.executable, os.path.join(HERE, "run"), "--rootnote", os.environ["ROOTNOTE_BINARY"]]
        for arguments, code, words in ((["--set", "nezha", "--data", "/nowhere"], 66, "no such folder"),
                                       (["--set", "other", "--data", HERE], 64, "known are"),
                                       (["--set", "petshop", "--data", HERE], 66, "no folder noissue")):
            done = subprocess.run(run + arguments, capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertIn(words, done.stderr)


if __name__ == "__main__":
    part = sys.argv.pop(1) if len(sys.argv) > 1 and sys.argv[1] in ("unit", "replay") else "unit"
    if part == "unit":
        del Replays
    else:
        del Scores, Baselines, Reading, Sets, Tables
    unittest.main()
