"""The anomaly functions on NAB's series, scored as the Numenta Anomaly Benchmark scores detectors (profile "standard").

    bench/quality/run --set nab --data DIR [--report FILE.json]

DIR: labels/combined_windows.json beside data/, with one CSV (timestamp, value) for each name in the labels. The scores of
samples come from the engine's own evaluator (rootnote-scores beside rootnote); here they are only compared with thresholds.

The scoring is that of Lavin and Ahmad, "Evaluating Real-time Anomaly Detection Algorithms" (2015), and of the published
scorer: the first 15 % of a series (of 5000 samples at most) are probation; the earliest detection in a window earns up to 1,
by a sigmoid over the window; a window without one costs 1; a detection outside costs up to 0.11, the less the closer it
follows a window. The sum is set between a detector that says nothing (0) and a perfect one (100). One threshold holds for all
series; NAB chooses the one with the best sum. Given is that, the same with the threshold of the pack, and what a threshold
chosen on one half of the series scores on the other.
"""

import csv
import datetime
import json
import math
import os
import subprocess
import sys

# A week is learned, so that each day of the week is known; what lasts is told once a day, which is the lag, too; a change of
# less than a twentieth is none. Higher or lower: the series have no family.
EXPRESSION = "abs(anomaly_onset_over_time(x[8d], 86400, 0, 0.05))"
PACK_THRESHOLD = 6.0  # of rules/packs/anomaly.rn
COST = {"true_positive": 1.0, "false_negative": 1.0, "false_positive": 0.11}
PROBATION, PROBATION_OF_MAX = 0.15, 5000


class BadData(Exception):
    def __init__(self, place, what):
        super().__init__(f"{place}: {what}")


class Series:
    """Samples with their weights: what a detection at each of them adds."""

    def __init__(self, name, times, values, windows):
        self.name, self.times, self.values = name, times, values
        self.weights, self.window_at = _weights(times, windows)
        self.windows = sorted({at for at in self.window_at if at is not None})
        self.scores = []


def sigmoid(position):
    """1 at the beginning of a window (position -1), 0 at its end, -1 far behind it."""
    return -1.0 if position > 3 else 2 / (1 + math.exp(5 * position)) - 1


def probation_of(length):
    return min(math.floor(PROBATION * length), int(PROBATION * PROBATION_OF_MAX))


def _weights(times, windows):
    """For each sample its weight and the number of its window; (None, None) in probation."""
    spans = []
    for begin, end in windows:
        inside = [at for at, time in enumerate(times) if begin <= time <= end]
        if inside:
            spans.append((inside[0], inside[-1]))
    spans.sort()
    weights, window_at = [], []
    before = None
    for at in range(len(times)):
        number = next((i for i, (first, last) in enumerate(spans) if first <= at <= last), None)
        if number is not None:
            first, last = spans[number]
            weight = COST["true_positive"] * sigmoid(-(last - at + 1) / (last - first + 1)) / sigmoid(-1.0)
            before = spans[number]
        elif before is None or before[0] == before[1]:
            weight = -COST["false_positive"]
        else:
            weight = COST["false_positive"] * sigmoid((at - before[1]) / (before[1] - before[0]))
        judged = at >= probation_of(len(times))
        weights.append(weight if judged else None)
        window_at.append(number if judged else None)
    return weights, window_at


def sweep(series):
    """[(threshold, sum)] for all thresholds that make a difference, falling; the sum over all the series."""
    detections = []
    windows = sum(len(one.windows) for one in series)
    for one in series:
        for at, score in enumerate(one.scores):
            if score > 0 and one.weights[at] is not None:
                detections.append((score, one.name, one.weights[at], one.window_at[at]))
    detections.sort(key=lambda detection: -detection[0])
    total = -COST["false_negative"] * windows
    curve, best = [(math.inf, total)], {}
    for at, (score, name, weight, window) in enumerate(detections):
        if window is None:
            total += weight
        else:
            earlier = best.get((name, window), -COST["false_negative"])
            best[name, window] = max(earlier, weight)
            total += best[name, window] - earlier
        if at + 1 == len(detections) or detections[at + 1][0] < score:
            curve.append((score, total))
    return curve


def normalised(total, series):
    windows = sum(len(one.windows) for one in series)
    nothing, perfect = -COST["false_negative"] * windows, COST["true_positive"] * windows
    return 100 * (total - nothing) / (perfect - nothing) if windows else 0.0


def optimum(series):
    """(threshold, score) of the best threshold for these series."""
    threshold, total = max(sweep(series), key=lambda point: point[1])
    return threshold, normalised(total, series)


def at_threshold(series, threshold):
    total = [total for score, total in sweep(series) if score >= threshold][-1]
    return normalised(total, series)


def told(series, threshold):
    """Of each series: windows found, windows, detections outside."""
    rows = []
    for one in series:
        hits = [at for at, score in enumerate(one.scores) if score >= threshold and one.weights[at] is not None]
        found = {one.window_at[at] for at in hits} - {None}
        rows.append({"series": one.name, "found": len(found), "windows": len(one.windows),
                     "false": sum(one.window_at[at] is None for at in hits)})
    return rows


def _time_ms(text, place):
    try:
        time = datetime.datetime.fromisoformat(text.strip())
    except ValueError:
        raise BadData(place, f"no time: {text!r}") from None
    return int(time.replace(tzinfo=datetime.timezone.utc).timestamp() * 1000)


def load(folder):
    labels = [os.path.join(path, "combined_windows.json") for path, _, files in sorted(os.walk(folder))
              if "combined_windows.json" in files]
    if not labels:
        raise BadData(folder, "no labels/combined_windows.json below it")
    data = os.path.join(os.path.dirname(os.path.dirname(labels[0])), "data")
    with open(labels[0], encoding="utf-8") as file:
        windows = json.load(file)
    return [_load_series(os.path.join(data, name), name, windows[name]) for name in sorted(windows)]


def _load_series(path, name, windows):
    times, values = [], []
    with open(path, encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        next(rows, None)
        for cells in rows:
            place = f"{path}:{rows.line_num}"
            if len(cells) < 2:
                raise BadData(place, "no timestamp and value")
            try:
                value = float(cells[1])
            except ValueError:
                raise BadData(place, f"no number: {cells[1]!r}") from None
            time = _time_ms(cells[0], place)
            times.append(max(time, times[-1] + 1) if times else time)  # some clocks were set back an hour
            values.append(value)
    if not times:
        raise BadData(path, "no samples")
    return Series(name, times, values, [[_time_ms(edge, name) for edge in window] for window in windows])


def evaluate(series, tool, expression):
    """Fills in the scores, as the engine's evaluator gives them at each sample."""
    text = "".join(f"{time} {value!r}\n" for time, value in zip(series.times, series.values))
    done = subprocess.run([tool, expression], input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BadData(series.name, f"{tool}: exit {done.returncode}: {done.stderr.strip()}")
    scores = [float(line) for line in done.stdout.split()]
    if len(scores) != len(series.times):
        raise BadData(series.name, f"{tool}: {len(scores)} scores for {len(series.times)} samples")
    series.scores = [0.0 if math.isnan(score) else score for score in scores]


def measure(folder, tool, expression=EXPRESSION):
    series = load(folder)
    for one in series:
        evaluate(one, tool, expression)
    threshold, best = optimum(series)
    halves = [series[0::2], series[1::2]]
    crossed = []
    for here, there in (halves, halves[::-1]):
        chosen, _ = optimum(here)
        crossed.append({"threshold": chosen, "score": at_threshold(there, chosen), "windows": sum(len(one.windows) for one in there)})
    return {"set": "nab", "profile": "standard", "expression": expression, "series": len(series),
            "windows": sum(len(one.windows) for one in series),
            "optimised": {"threshold": threshold, "score": best},
            "pack": {"threshold": PACK_THRESHOLD, "score": at_threshold(series, PACK_THRESHOLD)},
            "other_half": crossed, "by_series": told(series, threshold)}


def table_of(report):
    lines = [f"nab: {report['series']} series, {report['windows']} windows, profile {report['profile']}",
             f"  {report['expression']}", "  threshold                                            score",
             f"  {report['optimised']['threshold']:7.2f}, the best for all series (as NAB has it)     {report['optimised']['score']:6.1f}",
             f"  {report['pack']['threshold']:7.2f}, that of the pack                              {report['pack']['score']:6.1f}"]
    for half in report["other_half"]:
        lines.append(f"  {half['threshold']:7.2f}, chosen on the other half of the series         {half['score']:6.1f}")
    return "\n".join(lines)


def markdown(report):
    rows = [("the best for all series, as NAB chooses it", report["optimised"]), ("that of the pack anomaly", report["pack"])]
    rows += [("the best for the other half of the series", half) for half in report["other_half"]]
    return "\n".join(["| NAB (%d series, %d windows) | Threshold | Score |" % (report["series"], report["windows"]),
                      "| --- | ---: | ---: |"] + [f"| {what} | {row['threshold']:.2f} | {row['score']:.1f} |" for what, row in rows])


def tool_beside(rootnote):
    """rootnote-scores stands beside rootnote in a build, or in its folder bench."""
    folder = os.path.dirname(os.path.abspath(rootnote))
    for path in (os.path.join(folder, "rootnote-scores"), os.path.join(folder, "bench", "rootnote-scores")):
        if os.access(path, os.X_OK):
            return path
    return None


def main(arguments):
    """What `run` calls for --set nab: 0, 66 no or bad input."""
    tool = tool_beside(arguments.rootnote)
    if tool is None:
        print(f"run: no rootnote-scores beside {arguments.rootnote}; build it with make", file=sys.stderr)
        return 66
    try:
        report = measure(arguments.data, tool)
        if arguments.report:
            with open(arguments.report, "w", encoding="utf-8") as file:
                json.dump(report, file, indent=1)
                file.write("\n")
    except (BadData, OSError, ValueError) as error:
        print(f"run: {error}", file=sys.stderr)
        return 66
    print(table_of(report))
    if getattr(arguments, "verbose", False):
        for row in report["by_series"]:
            print(f"  {row['series']:55} {row['found']} of {row['windows']}, {row['false']} false")
    return 0
