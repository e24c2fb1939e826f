"""Small sets of our own in the layout of the real ones, for tests: seeded noise, and faults that show."""

import csv
import datetime
import json
import os
import random


def _write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def _write_csv(path, rows):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def _at(start, minutes):
    return start + datetime.timedelta(minutes=minutes)


def nezha(folder, days=1, leave_out=()):
    """Each day: front calls cart and ads; after 100 minutes cart runs out of processor for five minutes."""
    for day in range(days):
        dice = random.Random(day)
        start = datetime.datetime(2030, 1, 1 + day, 1, 0, 20, tzinfo=datetime.timezone.utc)
        home = os.path.join(folder, f"2030-01-{1 + day:02}")
        pods = {"front": ("front-5d4f8c7b9d-aaaaa", "10.0.0.1"), "cart": ("cart-5d4f8c7b9d-bbbbb", "10.0.0.2"),
                "ads": ("ads-5d4f8c7b9d-ccccc", "10.0.0.2")}
        minutes, inject = 130, 100
        bad = range(inject, inject + 5)

        def time(minute, start=start):
            return _at(start, minute).strftime("%Y-%m-%d %H:%M:%S.000000001 +0000 UTC m=+0.1")

        for service, (pod, _) in pods.items():
            rows = [["Time", "TimeStamp", "PodName", "CpuUsageRate(%)", "PodServerLatencyP90(s)", "NodeCpuUsageRate(%)"]]
            for minute in range(minutes):
                cpu = 92 if service == "cart" and minute in bad else 10 + dice.random()
                rows.append([time(minute), str(1_900_000_000 + minute * 60), pod, str(cpu), "NaN", "5"])
            _write_csv(os.path.join(home, "metric", f"{pod}_metric.csv"), rows)
        for side in ("source", "destination"):
            rows = [["time", "timestamp", "front_cart", "front_ads"]]
            for minute in range(minutes):
                slow = 0.5 if minute in bad else 0.005 + dice.random() / 1000
                rows.append([time(minute), "0", str(slow), "" if minute % 7 == 0 else str(0.004 + dice.random() / 1000)])
            _write_csv(os.path.join(home, "metric", f"{side}_50.csv"), rows)
        rows = [["Time", "TimeStamp", "ServiceName", "SuccessRate(%)", "LatencyP50(s)"]]
        for minute in range(minutes):
            rows.append([time(minute), "0", "Front", "100", str(0.9 if minute in bad else 0.2 + dice.random() / 50)])
        _write_csv(os.path.join(home, "metric", "front_service.csv"), rows)
        _write_csv(os.path.join(home, "metric", "dependency.csv"),
                   [["Source", "Target", "Weight"], ["front", "cart", "1"], ["front", "ads", "1"], ["users", "10.0.0.9", "1"]] +
                   [[service, node, "1"] for service, (_, node) in pods.items()])
        _write(os.path.join(home, f"2030-01-{1 + day:02}-fault_list.json"), json.dumps({"02": [{
            "inject_time": _at(start, inject).strftime("%Y-%m-%d %H:%M:%S"), "inject_timestamp": "1",
            "inject_pod": pods["cart"][0], "inject_type": "cpu"}]}))
        for name in leave_out:
            os.remove(os.path.join(home, "metric", name))


def petshop(folder):
    """A site asks list::Api, which asks a table. Three issues, each worse in its third and fourth row."""
    parts = ["site", "list::Api", "store_AWS::Table", "idle"]
    dice = random.Random(1)
    home = os.path.join(folder, "low")

    def rows_of(start, count, slow):
        header = [["microservice"] + parts * 3, ["metric"] + ["latency"] * 4 + ["availability"] * 4 + ["requests"] * 4,
                  ["statistic"] + ["Average"] * 8 + ["Sum"] * 4, ["unix_timestamp"] + [""] * 12]
        rows = []
        for row in range(count):
            factor = [8 if part in slow and row in (2, 3) else 1 for part in parts]
            latency = [str((0.1 + dice.random() / 100) * more) for more in factor[:3]] + [""]
            rows.append([f"{start + row * 300}.0"] + latency + ["100.0"] * 3 + [""] + ["400"] * 3 + [""])
        return header + rows

    _write_csv(os.path.join(home, "noissue", "metrics.csv"), rows_of(1_890_000_000, 60, ()))
    _write_csv(os.path.join(home, "graph.csv"), [[""] + parts, ["site", "0.0", "1.0", "0.0", "0.0"],
                                                 ["list::Api", "0.0", "0.0", "1.0", "0.0"],
                                                 ["store_AWS::Table", "0.0", "0.0", "0.0", "0.0"],
                                                 ["idle", "0.0", "0.0", "0.0", "0.0"]])
    issues = (("test", 0, parts[:3], parts[2]), ("test", 1, parts[:2], parts[1]), ("train", 0, parts[:3], parts[2]))
    for number, (half, issue, slow, root) in enumerate(issues):
        start = 1_880_000_120 + number * 3600
        target = {"target": {"node": "site", "metric": "latency", "agg": "Average", "timestamp": start + 590},
                  "root_cause": {"node": root, "metric": None}}
        _write_csv(os.path.join(home, half, f"issue_{issue}", "metrics.csv"), rows_of(start, 5, slow))
        _write(os.path.join(home, half, f"issue_{issue}", "target.json"), json.dumps(target))


def rootcausebench(folder):
    """web calls api, which asks a database that gets slow after a deploy; a batch job beside them stays well."""
    dice = random.Random(2)
    home = os.path.join(folder, "slow-database")
    start = datetime.datetime(2030, 5, 1, 10, 0, tzinfo=datetime.timezone.utc)

    def time(minute):
        return _at(start, minute).strftime("%Y-%m-%dT%H:%M:%SZ")

    rows = [["timestamp", "service", "metric", "value"]]
    for minute in range(90):
        bad = minute >= 70
        for service, metric, usual, worse in (("db", "query_duration_p99_ms", 10, 400), ("api", "duration_p99_ms", 50, 900),
                                              ("web", "error_rate_ratio", 0.004, 0.3), ("batch", "cpu_utilization", 0.3, 0.3)):
            rows.append([time(minute), service, metric, str((worse if bad else usual) * (1 + dice.random() / 10))])
    _write_csv(os.path.join(home, "metrics.csv"), rows)
    logs = [(10, "web", "INFO", "served"), (20, "batch", "WARN", "upstream db timeout after 3 s"),
            (40, "api", "ERROR", "write /data/out/part.bin: quota exceeded"), (50, "batch", "WARN", "cannot read /data/out")]
    _write(os.path.join(home, "logs.ndjson"), "\n".join(json.dumps(
        {"timestamp": time(minute), "service": service, "severity_text": severity, "msg": message})
        for minute, service, severity, message in logs) + "\n")
    spans = [("a", None, "web", None), ("b", "a", "api", None), ("c", "b", "db", None), ("d", "b", "api", "mail.example")]
    _write(os.path.join(home, "traces.json"), json.dumps([
        {"trace_id": "1", "span_id": span, "parent_id": parent, "service": service, "start": time(75), "status": "OK",
         **({"peer.service": peer} if peer else {})} for span, parent, service, peer in spans]))
    _write(os.path.join(home, "context", "deploys.json"), json.dumps([
        {"timestamp": time(69), "service": "db", "commit_sha": "c0ffee", "version": "2"}]))
    _write(os.path.join(home, "ground_truth.json"), json.dumps({
        "root_cause_commit": "c0ffee", "first_failing_service": "db", "blast_radius": ["api", "web"]}))
    _write(os.path.join(home, "alert.json"), json.dumps({"service": "db", "fired_at": time(78)}))
