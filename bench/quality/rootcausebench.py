"""RootCauseBench (Edge Delta): constructed incidents, each a folder of metrics, logs, changes, traces and an alert.

Entities: service, external (whom its spans call and nobody measures). Relations: calls service -> service, as spans
and texts of errors show, and loaded_by the other way round; reads_of service -> service, by the files that both name; asks service -> external. One case per
incident. The alert is part of the truth here: it says when a person was called, and the engine does not see it.
"""

import json
import os
import re

import case as cases
from case import BadData, Case

LABELS = ("service", "external")
BEFORE_MS, AFTER_MS = 60_000, 420_000
UNDATED_MS = 900_000  # how long before the alert a fault may have begun if nothing dates it


# What the words in a metric's name say about it; the first family that has one of them.
_WORDS = (
    ("health", "success availab(?!le_) healthy ready_ up$ alive"),
    ("errors", "error 4xx 5xx fail panic exception reject timeout crash restart abort drop(ped|s) denied invalid oom refused"),
    ("latency", "latency duration wait lag delay response_time elapsed p50 p90 p95 p99 _ms$"),
    ("capacity", "free available remaining idle headroom max_ _max limit capacity quota"),
    ("saturation", "cpu memory heap rss disk buffer queue depth pool in_use util used usage backlog thread goroutine "
                   "connection inflight in_flight pending gc_ descriptor load_"),
    ("traffic", "per_sec per_second per_min per_request _rps _qps _lps throughput requests queries _rate volume"))


def family_of(measure):
    for family, words in _WORDS:
        if any(re.search(word, measure) for word in words.split()):
            return family
    return "other"


def load(folder):
    found = [path for path, _, files in sorted(os.walk(folder)) if "ground_truth.json" in files]
    if not found:
        raise BadData(folder, "no ground_truth.json below it")
    incidents = [_load_incident(path) for path in sorted(found)]
    # One estate: a trace of one incident also says who calls whom in the others, where both ends are measured.
    calls = set().union(*(case.relations for case in incidents))
    for case in incidents:
        case.relations |= {call for call in calls if call[1] in case.entities and call[2] in case.entities}
        # Load travels the other way: who is called has as much to do as the callers make.
        case.relations |= {("loaded_by", on, depends) for relation, depends, on in case.relations if relation == "calls"}
    return incidents


def _load_incident(folder):
    case = Case(os.path.basename(os.path.abspath(folder)), LABELS)
    _read_metrics(os.path.join(folder, "metrics.csv"), case)
    _read_logs(os.path.join(folder, "logs.ndjson"), case)
    _read_spans(os.path.join(folder, "traces.json"), case)
    deploys = _read_changes(os.path.join(folder, "context", "deploys.json"), "deploy", case)
    _read_changes(os.path.join(folder, "context", "flags.json"), "flag", case)
    _read_truth(folder, deploys, case)
    return case.finish()


def _read_metrics(path, case):
    if not os.path.exists(path):
        raise BadData(path, "missing")
    header, rows = cases.read_csv(path)
    try:
        time_at, service_at, metric_at, value_at = (header.index(name) for name in
                                                    ("timestamp", "service", "metric", "value"))
    except ValueError as error:
        raise BadData(f"{path}:1", f"the columns timestamp, service, metric and value are needed: {error}") from error
    for line, cells in rows:
        place = f"{path}:{line}"
        value = cases.number(cells[value_at], place)
        service = cells[service_at].strip()
        if value is None or not service:
            continue
        case.add_entity("service", service)
        # The name is a label, so that rules can speak of families of names.
        measure = cases.metric_name(cells[metric_at])
        labels = {"service": service, "measure": measure, "family": family_of(measure)}
        case.rows.append((cases.time_ms(cells[time_at], place), labels, {"service_measure": value}))


def _read_logs(path, case):
    if not os.path.exists(path):
        case.notes.append(f"{path}: missing")
        return
    with open(path, encoding="utf-8-sig") as file:
        for line, text in enumerate(file, 1):
            if not text.strip():
                continue
            place = f"{path}:{line}"
            try:
                record = json.loads(text)
            except json.JSONDecodeError as error:
                raise BadData(f"{place}:{error.colno}", error.msg) from error
            if not isinstance(record, dict) or not record.get("timestamp") or not record.get("service"):
                case.notes.append(f"{place}: a line without timestamp and service; left out")
                continue
            severity = str(record.get("severity_text") or record.get("severity") or record.get("level") or "INFO")
            case.add_entity("service", record["service"])
            case.events.append((cases.time_ms(record["timestamp"], place), "log", {"service": record["service"]},
                                {"severity": severity.upper()}, str(record.get("msg") or record.get("message") or "")))


def _read_spans(path, case):
    """Spans are events, and say who calls whom: a span and its parent's, of two services, or a peer outside."""
    if not os.path.exists(path):
        case.notes.append(f"{path}: missing; calls are known from texts only")
        spans = []
    else:
        spans = cases.read_json(path)
    if isinstance(spans, dict):
        spans = spans.get("spans") or [span for trace in spans.get("traces", []) for span in trace.get("spans", [])]
    if not isinstance(spans, list):
        raise BadData(path, "neither a list of spans nor an object with `spans`")
    owner, anywhere = {}, {}
    for span in spans:
        owner[span.get("trace_id"), span.get("span_id")] = span.get("service")
        anywhere.setdefault(span.get("span_id"), set()).add(span.get("service"))
    for span in spans:
        service = span.get("service")
        if not service:
            case.notes.append(f"{path}: a span without service; left out")
            continue
        callee = case.add_entity("service", service)
        parent = span.get("parent_id")
        caller = owner.get((span.get("trace_id"), parent))
        if caller is None and len(anywhere.get(parent, ())) == 1:  # a trace id that was written wrongly
            caller = next(iter(anywhere[parent]))
        if parent and caller:
            case.relate("calls", case.add_entity("service", caller), callee)
        peer = span.get("peer.service") or (span.get("attributes") or {}).get("peer.service")
        if peer:
            if ("service", peer) in case.entities:
                case.relate("calls", callee, ("service", peer))
            else:
                case.relate("asks", callee, case.add_entity("external", peer))
        if span.get("start"):
            case.events.append((cases.time_ms(span["start"], path), "span", {"service": service},
                                {"status": str(span.get("status", "OK")).upper()}, str(span.get("error") or "")))
    _read_mentions(case)
    _read_files(case)


def _read_mentions(case):
    """A service whose errors name another one as its upstream calls it."""
    services = sorted(ident for kind, ident in case.entities if kind == "service")
    for _, _, labels, attributes, message in case.events:
        if attributes.get("severity") not in ("ERROR", "FATAL", "CRITICAL", "WARN", "WARNING"):
            continue
        for name in services:
            if name != labels["service"] and re.search(rf"\bupstream {re.escape(name)}\b", message):
                case.relate("calls", ("service", labels["service"]), ("service", name))


_PATH = re.compile(r"(?<![\w/])(/(?:[\w.-]+/)+[\w.-]+)")
_WRITES = re.compile(r"\b(write|writing|append|rotate|flush)\b")


def _read_files(case):
    """Services whose errors name the same folder share it: who reads there depends on who writes there."""
    writers, users = {}, {}
    for _, _, labels, attributes, message in case.events:
        if attributes.get("severity", "ERROR") not in ("ERROR", "FATAL", "CRITICAL", "WARN", "WARNING"):
            continue
        for path in _PATH.findall(message):
            path = os.path.dirname(path) if "." in os.path.basename(path) else path
            users.setdefault(path, set()).add(labels["service"])
            if _WRITES.search(message):
                writers.setdefault(path, set()).add(labels["service"])
    for path, them in sorted(users.items()):
        for user in sorted(them - writers.get(path, set())):
            for writer in sorted(writers.get(path, ())):
                case.relate("reads_of", ("service", user), ("service", writer))


def _read_changes(path, kind, case):
    """Deploys and flags become events. Returns {commit: time}."""
    if not os.path.exists(path):
        case.notes.append(f"{path}: missing")
        return {}
    listed, times = cases.read_json(path), {}
    if isinstance(listed, dict):
        listed = next((value for value in listed.values() if isinstance(value, list)), [])
    for change in listed:
        if not isinstance(change, dict) or not change.get("timestamp") or not change.get("service"):
            case.notes.append(f"{path}: a change without timestamp and service; left out")
            continue
        time = cases.time_ms(change["timestamp"], path)
        times[str(change.get("commit_sha", ""))] = time
        case.add_entity("service", change["service"])
        what = str(change.get("version") or change.get("flag") or kind)
        case.events.append((time, f"{kind}_changed", {"service": change["service"]}, {"what": what}, ""))
    return times


def _status_start(path):
    """When the status page of a provider says that it began, or None."""
    if not os.path.exists(path):
        return None
    feed = cases.read_json(path)
    starts = []
    told = (feed.get("events") or feed.get("incidents") or []) if isinstance(feed, dict) else feed
    for event in told:
        if event.get("started_at") and not str(event.get("status", "")).startswith("operat"):
            starts.append(cases.time_ms(event["started_at"], path))
    return min(starts) if starts else None


def _read_truth(folder, deploys, case):
    truth_path, alert_path = os.path.join(folder, "ground_truth.json"), os.path.join(folder, "alert.json")
    truth = cases.read_json(truth_path)
    if not isinstance(truth, dict) or not truth.get("first_failing_service"):
        raise BadData(truth_path, "no first_failing_service")
    fired = case.span()[1]
    if os.path.exists(alert_path):
        alert = cases.read_json(alert_path)
        if alert.get("fired_at"):
            fired = cases.time_ms(alert["fired_at"], alert_path)
    else:
        case.notes.append(f"{alert_path}: missing; the end stands for it")
    began = deploys.get(str(truth.get("root_cause_commit", ""))) or _status_start(os.path.join(folder, "status_feed.json"))
    dated = began is not None and began <= fired
    roots = [("service", truth["first_failing_service"])]
    if str(truth.get("root_cause_commit", "none")).lower() == "none":
        # Nothing of ours was changed: the one outside whom it asks is the cause as well, if there is just one.
        asked = [on for relation, depends, on in case.relations if relation == "asks" and depends == roots[0]]
        roots += asked if len(asked) == 1 else []
    time = began if dated else fired
    case.faults.append({
        "name": f"{case.name}: {truth['first_failing_service']}", "time": time,
        "window": [time - (BEFORE_MS if dated else UNDATED_MS), fired + AFTER_MS],
        "roots": [cases.entity_name(root) for root in roots],
        "affected": [cases.entity_name(("service", name)) for name in truth.get("blast_radius", [])]})
