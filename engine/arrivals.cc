#include "engine/arrivals.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "fmt/format.h"

#include "engine/changes.h"

namespace rootnote {
namespace {

Metric& Dropped(Metrics& metrics, std::string_view reason) {
  return metrics.Counter("rootnote_samples_dropped_total", "Samples that were not taken.",
                         fmt::format("reason=\"{}\"", reason));
}

// Pointers to the items, by time: within one record the order of the text decides nothing.
template <typename Item>
std::vector<const Item*> ByTime(const std::vector<Item>& items) {
  std::vector<const Item*> out;
  out.reserve(items.size());
  for (const Item& item : items) {
    out.push_back(&item);
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const Item* a, const Item* b) { return a->time < b->time; });
  return out;
}

uint64_t SeriesHash(const Event& event) { return event.labels.hash() ^ HashBytes(event.name); }

}  // namespace

Arrivals::Arrivals(const RuleSet& rules, const Into& into, Millis tick, bool replay,
                   EventTime topology_from, const ResumePoint& resume, Metrics& metrics)
    : rules_(rules),
      into_(into),
      tick_(tick),
      replay_(replay),
      topology_from_(topology_from),
      resume_(resume),
      metrics_(metrics),
      nulls_(Dropped(metrics, "null")),
      unseen_(Dropped(metrics, "unseen")),
      late_(Dropped(metrics, "late")),
      clamped_(metrics.Counter("rootnote_clamped_times_total",
                               "Event times ahead of their receive time that were replaced.")),
      changes_(metrics.Counter("rootnote_topology_changes_total", "Changes of the map.")),
      changes_refused_(metrics.Counter("rootnote_topology_changes_refused_total",
                                       "Changes that the map did not take.")),
      controls_(metrics.Counter("rootnote_control_changes_total",
                                "Acknowledgements and silences that were read.")),
      age_(metrics.Histogram("rootnote_event_age_seconds",
                             "How old samples and events are when they are taken in.",
                             kDelayBuckets)) {}

void Arrivals::NoteClosed() {
  into_.journal.Decided(into_.clock.TakeDecisions());
  if (into_.clock.closed() > noted_closed_) {
    noted_closed_ = into_.clock.closed();
    into_.journal.CloseTick(noted_closed_, into_.clock.watermark());
  }
}

EventTime Arrivals::OpenTick() const {
  const EventTime closed = into_.clock.closed();
  return closed == kMinTime ? kMinTime : closed + tick_;
}

void Arrivals::Apply(IntakePartition& partition, const ArrivedRecord& arrived, bool loading) {
  const int64_t offset = arrived.record.offset;
  into_.journal.Took(partition.name, offset + 1);
  EventTime last_tick = kMinTime;
  if (arrived.null_value) {
    nulls_.Add();
  } else if (arrived.failure && Decided(partition, arrived.record)) {
    // It is among the dead letters already.
  } else if (arrived.failure) {
    into_.outbox.AddDeadLetter(arrived, "VALUE_CONVERTER", *arrived.failure);
    metrics_
        .Counter("rootnote_parse_errors_total", "Records that could not be decoded.",
                 fmt::format("format=\"{}\",reason=\"{}\"", arrived.format,
                             ErrorName(arrived.failure->error)))
        .Add();
  } else if (partition.role == TopicRole::kControl) {
    ApplyControls(partition, arrived, loading);
  } else {
    nulls_.Add(arrived.decoded.samples_null);
    CountParsed(arrived);
    ApplyChanges(partition, arrived, loading);
    if (partition.clock) {
      last_tick = ApplyPoints(partition, arrived);
    }
  }
  partition.cut.Applied(offset, last_tick);
  NoteClosed();
}

// By a former run; at the first start by nobody, but what is older than the start is only history.
bool Arrivals::Decided(const IntakePartition& partition, const Record& record) const {
  return resume_.taken.empty() ? record.receive_time && *record.receive_time <= resume_.closed
                               : record.offset < partition.taken;
}

void Arrivals::CountParsed(const ArrivedRecord& arrived) {
  Parsed& parsed = parsed_[arrived.format];
  if (parsed.samples == nullptr) {
    const auto counter = [&](std::string_view kind) {
      return &metrics_.Counter("rootnote_events_parsed_total", "What records were decoded into.",
                               fmt::format("format=\"{}\",kind=\"{}\"", arrived.format, kind));
    };
    parsed = {counter("sample"), counter("event"), counter("topology")};
  }
  parsed.samples->Add(static_cast<int64_t>(arrived.decoded.samples.size()));
  parsed.events->Add(static_cast<int64_t>(arrived.decoded.events.size()));
  parsed.changes->Add(static_cast<int64_t>(arrived.decoded.changes.size()));
}

Stamp Arrivals::StampOf(IntakePartition& partition, const ArrivedRecord& arrived, EventTime time,
                        uint64_t series) {
  Stamp stamp = into_.clock.Observe(*partition.clock, time, arrived.record.receive_time, series);
  const bool decided = Decided(partition, arrived.record);
  if (partition.taken > 0 && !decided && stamp.time <= resume_.closed) {
    stamp.late = true;  // its tick was closed by the former run, without it
  }
  if (std::exchange(partition.begins_late, false)) {
    partition.covered_from = stamp.time;
  }
  if (stamp.clamped) {
    clamped_.Add();
  }
  if (stamp.late && !decided) {
    late_.Add();
    partition.late->Add();
  }
  return stamp;
}

EventTime Arrivals::ApplyPoints(IntakePartition& partition, const ArrivedRecord& arrived) {
  const RecordPosition position{partition.topic, partition.name.partition, arrived.record.offset};
  const std::vector<const Sample*> samples = ByTime(arrived.decoded.samples);
  const std::vector<const Event*> events = ByTime(arrived.decoded.events);
  EventTime last_tick = kMinTime;
  auto sample = samples.begin();
  auto event = events.begin();
  while (sample != samples.end() || event != events.end()) {
    const bool is_sample =
        event == events.end() || (sample != samples.end() && (*sample)->time <= (*event)->time);
    const EventTime time = is_sample ? (*sample)->time : (*event)->time;
    const uint64_t series = is_sample ? (*sample)->labels.hash() : SeriesHash(**event);
    const Stamp stamp = StampOf(partition, arrived, time, series);
    if (stamp.late && Decided(partition, arrived.record)) {
      // The former run has said so.
    } else if (stamp.late) {
      into_.outbox.AddLate(arrived, partition.source, into_.clock.watermark(),
                           is_sample ? OwnJson(**sample) : OwnJson(**event));
    } else if (is_sample ? Route(**sample, stamp, position)
                         : Route(**event, stamp, position, partition.source)) {
      last_tick = std::max(last_tick, stamp.tick);
    }
    if (const std::optional<EventTime> wall = into_.clock.wall()) {
      age_.Observe(std::max<int64_t>(0, (*wall - stamp.time).count()));
    }
    is_sample ? void(++sample) : void(++event);
  }
  return last_tick;
}

bool Arrivals::Route(const Sample& sample, const Stamp& stamp, const RecordPosition& position) {
  if (!rules_.Sees(sample.labels.metric())) {
    unseen_.Add();
    return false;
  }
  into_.router.Add(stamp.tick,
                   ShardSample{{sample.labels, std::nullopt}, stamp.time, sample.value, position});
  return true;
}

bool Arrivals::Route(const Event& event, const Stamp& stamp, const RecordPosition& position,
                     const std::string& source) {
  Event stamped = event;
  stamped.time = stamp.time;
  const bool suspect = IsChange(event.name);
  if (suspect) {
    into_.router.AddSuspect(stamp.tick, stamped);
  }
  if (!rules_.Sees(event.name)) {
    unseen_.Add(suspect ? 0 : 1);
    return suspect;
  }
  into_.router.Add(stamp.tick, ArrivedEvent{std::move(stamped), source, position});
  return true;
}

void Arrivals::ApplyChange(const TopologyChange& change, EventTime now) {
  changes_.Add();
  if (into_.topology.Apply(change, now)) {
    changes_refused_.Add();
  }
}

// Dated ones take effect at their own time, which may come; what is past, in the tick that is open.
void Arrivals::ApplyControls(IntakePartition& partition, const ArrivedRecord& arrived,
                             bool loading) {
  for (const ControlChange& change : arrived.decoded.controls) {
    if (!loading) {
      into_.journal.TookTopology(partition.name, arrived.record.offset);
    }
    const EventTime open = OpenTick();
    const EventTime from = change.time.value_or(open);
    into_.incidents.Control(change, loading ? from : std::max(from, open));
    controls_.Add();
  }
}

void Arrivals::ApplyChanges(IntakePartition& partition, const ArrivedRecord& arrived,
                            bool loading) {
  using Type = TopologyChange::Type;
  for (const TopologyChange& given : arrived.decoded.changes) {
    TopologyChange change = given;
    if (change.source.empty()) {
      change.source = partition.source;
    }
    if (!loading) {
      into_.journal.TookTopology(partition.name, arrived.record.offset);
    }
    if (replay_) {
      partition.snapshots += change.type == Type::kSnapshotBegin && partition.snapshots == 0;
      if (partition.snapshots == 1) {
        partition.snapshots += change.type == Type::kSnapshotEnd;
        change.time.reset();
      }
      if (change.time) {
        const EventTime tick = std::max(into_.clock.TickOf(*change.time), OpenTick());
        into_.router.Add(tick, ArrivedChange{std::move(change), tick});
        continue;
      }
    }
    const EventTime open = OpenTick();
    if (loading || open == kMinTime) {
      ApplyChange(change, topology_from_);
    } else {
      into_.router.Add(open, ArrivedChange{std::move(change), open});
    }
  }
}

}  // namespace rootnote
