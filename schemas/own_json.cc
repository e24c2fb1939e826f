// Rootnote's own JSON: docs/formats.md. Strict: a key that is not in the format is an error, so
// that a misspelt name is never silence.
#include <limits>
#include <utility>

#include "fmt/format.h"

#include "schemas/entity_name.h"
#include "schemas/json_format.h"
#include "schemas/json_number.h"
#include "schemas/json_syntax.h"
#include "schemas/own_json_keys.h"

namespace rootnote {
namespace {

using Key = OwnKey;
using Failure = std::optional<DecodeFailure>;

class OwnJson : public JsonFormat {
 public:
  std::string_view name() const override { return "rootnote-json"; }

  bool Recognises(const JsonTree& tree) const override {
    const std::optional<size_t> at = OwnObject::FindKind(tree);
    return at && (tree[*at].key != "metrics" || tree[*at].type == JsonNode::Type::kObject);
  }

  Failure Map(const JsonTree& tree, const DecodeContext& context, Decoded& out) override {
    if (Failure failure = object_.Sort(tree)) {
      return failure;
    }
    switch (object_.kind()) {
      case Key::kMetric:
        return MapMetric(tree, context, out);
      case Key::kMetrics:
        return MapMetrics(tree, context, out);
      case Key::kEvent:
        return MapEvent(tree, context, out);
      case Key::kEntity:
        return MapEntity(tree, out);
      case Key::kRelation:
        return MapRelation(tree, out);
      case Key::kSnapshot:
        return MapSnapshot(tree, out);
      case Key::kAcknowledge:
        return MapAcknowledge(tree, context, out);
      case Key::kSilence:
        return MapSilence(tree, context, out);
      default:
        break;
    }
    return std::nullopt;
  }

  Failure MapTombstone(const DecodeContext& context, Decoded& out) override {
    if (context.key.empty()) {
      return DecodeFailure{DecodeError::kEmpty, "a null value without a key", "", 0};
    }
    if (ReadControlTombstone(context, out)) {
      return std::nullopt;
    }
    std::string why;
    std::optional<TopologyChange> change = ReadDeletedKey(context.key, &why);
    if (!change) {
      return DecodeFailure{DecodeError::kBadName,
                           "a null value deletes what its key names, but " + why, "", 0};
    }
    change->time = context.record_time;
    out.changes.push_back(*std::move(change));
    return std::nullopt;
  }

 private:
  size_t At(Key key) const { return object_.At(key); }

  // `acknowledge|rn-…`, `silence|night-batch`: no kind or relation has such a name with one `|`
  // and no second one behind it.
  static bool ReadControlTombstone(const DecodeContext& context, Decoded& out) {
    const size_t bar = context.key.find('|');
    if (bar == std::string_view::npos || bar + 1 == context.key.size() ||
        context.key.find('|', bar + 1) != std::string_view::npos) {
      return false;
    }
    const std::string_view what = context.key.substr(0, bar);
    if (what != "acknowledge" && what != "silence") {
      return false;
    }
    ControlChange& change = out.controls.emplace_back();
    change.type = what == "silence" ? ControlChange::Type::kSilenceDeleted
                                    : ControlChange::Type::kAcknowledgeDeleted;
    change.id = context.key.substr(bar + 1);
    change.time = context.record_time;
    return true;
  }

  Failure ReadString(const JsonTree& tree, size_t at, std::string_view& out) {
    if (at == 0) {
      return std::nullopt;
    }
    if (tree[at].type != JsonNode::Type::kString) {
      return FailType(tree, at, "a string");
    }
    out = tree[at].text;
    return std::nullopt;
  }

  Failure ReadPlainName(const JsonTree& tree, size_t at, std::string_view& out) {
    if (Failure failure = ReadString(tree, at, out)) {
      return failure;
    }
    if (!IsPlainName(out)) {
      return FailAt(tree, at, DecodeError::kBadName,
                    out.empty() ? "an empty name" : "a control character in a name");
    }
    return std::nullopt;
  }

  // Fills labels_, without `__name__`: name_at_ says where that one stands.
  Failure ReadLabels(const JsonTree& tree) {
    const size_t at = At(Key::kLabels);
    labels_.clear();
    name_at_ = 0;
    if (at == 0) {
      return std::nullopt;
    }
    if (tree[at].type != JsonNode::Type::kObject) {
      return FailType(tree, at, "an object of strings");
    }
    for (size_t i = tree.First(at); i != tree.End(at); i = tree.Next(i)) {
      const JsonNode& label = tree[i];
      if (label.type != JsonNode::Type::kString) {
        return FailType(tree, i, "a string");
      }
      if (!IsPlainName(label.key)) {
        return FailAtKey(
            tree, i, DecodeError::kBadName,
            label.key.empty() ? "an empty label name" : "a control character in a label name");
      }
      if (label.key == kMetricName) {
        name_at_ = i;
      } else {
        labels_.emplace_back(label.key, label.text);
      }
    }
    return std::nullopt;
  }

  // `__name__` among the labels has to be the name of the metric or event.
  Failure CheckName(const JsonTree& tree, std::string_view name) {
    if (name_at_ == 0 || tree[name_at_].text == name) {
      return std::nullopt;
    }
    return FailAt(tree, name_at_, DecodeError::kBadName,
                  fmt::format("__name__ is \"{}\", but the record says \"{}\"",
                              Shown(tree[name_at_].text), Shown(name)));
  }

  // Absent, or the zero time of Go: nullopt.
  Failure ReadTime(const JsonTree& tree, std::optional<EventTime>& out) {
    return ReadTimeAt(tree, At(Key::kTime), out);
  }

  Failure ReadTimeAt(const JsonTree& tree, size_t at, std::optional<EventTime>& out) {
    if (at == 0) {
      return std::nullopt;
    }
    const JsonNode& node = tree[at];
    if (node.type == JsonNode::Type::kString) {
      out = ParseRfc3339(node.text);
      if (!out) {
        return FailAt(tree, at, DecodeError::kBadTime,
                      fmt::format("\"{}\" is no RFC 3339 time", Shown(node.text)));
      }
      if (ToMillis(*out) == kZeroTimeMs) {
        out.reset();
      }
      return std::nullopt;
    }
    if (node.type != JsonNode::Type::kNumber) {
      return FailType(tree, at, "RFC 3339 or whole milliseconds");
    }
    const std::optional<int64_t> ms = ParseJsonInteger(node.text);
    if (!ms || !IsPlausible(*ms)) {
      return FailAt(tree, at, DecodeError::kBadTime,
                    fmt::format("{} is no time: RFC 3339 or whole milliseconds since 1970",
                                Shown(node.text)));
    }
    out = FromMillis(*ms);
    return std::nullopt;
  }

  // Of samples and events: without a time of its own the record's.
  Failure ReadPointTime(const JsonTree& tree, const DecodeContext& context, EventTime& out) {
    std::optional<EventTime> time;
    if (Failure failure = ReadTime(tree, time)) {
      return failure;
    }
    time = time ? time : context.record_time;
    if (!time) {
      return FailAt(tree, 0, DecodeError::kBadTime, "no time, and none to assume");
    }
    out = *time;
    return std::nullopt;
  }

  // nullopt in `out`: null, which is no sample.
  Failure ReadValue(const JsonTree& tree, size_t at, std::optional<double>& out) {
    const JsonNode& node = tree[at];
    if (node.type == JsonNode::Type::kNull) {
      return std::nullopt;
    }
    if (node.type == JsonNode::Type::kNumber) {
      if (node.number_error) {
        return FailNumber(tree, at);
      }
      out = node.number;
      return std::nullopt;
    }
    if (node.type != JsonNode::Type::kString) {
      return FailType(tree, at, "a number, \"NaN\", \"+Inf\", \"-Inf\" or \"stale\"");
    }
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    if (node.text == "NaN") {
      out = std::numeric_limits<double>::quiet_NaN();
    } else if (node.text == "+Inf") {
      out = kInfinity;
    } else if (node.text == "-Inf") {
      out = -kInfinity;
    } else if (node.text == "stale") {
      out = StaleNan();
    } else {
      return FailAt(
          tree, at, DecodeError::kBadNumber,
          fmt::format("\"{}\" is no number: \"NaN\", \"+Inf\", \"-Inf\" and \"stale\" are "
                      "the only words",
                      Shown(node.text)));
    }
    return std::nullopt;
  }

  Failure AppendSample(const JsonTree& tree, size_t value_at, std::string_view metric,
                       EventTime time, Decoded& out) {
    std::optional<double> value;
    if (Failure failure = ReadValue(tree, value_at, value)) {
      return failure;
    }
    if (!value) {
      ++out.samples_null;
      return std::nullopt;
    }
    labels_.emplace_back(kMetricName, metric);
    out.samples.push_back({Labels::FromViews(labels_), *value, time});
    labels_.pop_back();
    return std::nullopt;
  }

  Failure MapMetric(const JsonTree& tree, const DecodeContext& context, Decoded& out) {
    std::string_view metric;
    EventTime time;
    Failure failure = ReadPlainName(tree, At(Key::kMetric), metric);
    if (!failure) {
      failure = ReadLabels(tree);
    }
    if (!failure) {
      failure = CheckName(tree, metric);
    }
    if (!failure) {
      failure = ReadPointTime(tree, context, time);
    }
    return failure ? failure : AppendSample(tree, At(Key::kValue), metric, time, out);
  }

  Failure MapMetrics(const JsonTree& tree, const DecodeContext& context, Decoded& out) {
    const size_t at = At(Key::kMetrics);
    if (tree[at].type != JsonNode::Type::kObject) {
      return FailType(tree, at, "an object of numbers");
    }
    EventTime time;
    if (Failure failure = ReadLabels(tree)) {
      return failure;
    }
    if (Failure failure = ReadPointTime(tree, context, time)) {
      return failure;
    }
    for (size_t i = tree.First(at); i != tree.End(at); i = tree.Next(i)) {
      const std::string_view metric = tree[i].key;
      if (!IsPlainName(metric)) {
        return FailAtKey(tree, i, DecodeError::kBadName,
                         metric.empty() ? "an empty name" : "a control character in a name");
      }
      Failure failure = CheckName(tree, metric);
      if (!failure) {
        failure = AppendSample(tree, i, metric, time, out);
      }
      if (failure) {
        return failure;
      }
    }
    return std::nullopt;
  }

  // Attributes are text as it came; numbers in their JSON spelling; null is no attribute.
  Failure ReadAttributes(const JsonTree& tree, Labels& out) {
    const size_t at = At(Key::kAttributes);
    if (at == 0) {
      return std::nullopt;
    }
    if (tree[at].type != JsonNode::Type::kObject) {
      return FailType(tree, at, "an object");
    }
    std::vector<Label> attributes;
    for (size_t i = tree.First(at); i != tree.End(at); i = tree.Next(i)) {
      const JsonNode& node = tree[i];
      if (!IsPlainName(node.key)) {
        return FailAtKey(tree, i, DecodeError::kBadName,
                         node.key.empty() ? "an empty name" : "a control character in a name");
      }
      if (node.type == JsonNode::Type::kObject || node.type == JsonNode::Type::kArray) {
        return FailType(tree, i, "a string, a number, true or false");
      }
      if (node.type != JsonNode::Type::kNull) {
        attributes.emplace_back(node.key, node.text);
      }
    }
    out = Labels::FromViews(std::move(attributes));
    return std::nullopt;
  }

  Failure MapEvent(const JsonTree& tree, const DecodeContext& context, Decoded& out) {
    Event event;
    std::string_view name, message, id;
    Failure failure = ReadPlainName(tree, At(Key::kEvent), name);
    if (!failure) {
      failure = ReadLabels(tree);
    }
    if (!failure) {
      failure = CheckName(tree, name);
    }
    if (!failure) {
      failure = ReadAttributes(tree, event.attributes);
    }
    if (!failure) {
      failure = ReadString(tree, At(Key::kMessage), message);
    }
    if (!failure) {
      failure = ReadString(tree, At(Key::kId), id);
    }
    if (!failure) {
      failure = ReadPointTime(tree, context, event.time);
    }
    if (failure) {
      return failure;
    }
    event.name = name;
    event.labels = Labels::FromViews(labels_);
    event.message = message;
    event.id = id;
    out.events.push_back(std::move(event));
    return std::nullopt;
  }

  Failure ReadEntity(const JsonTree& tree, size_t at, std::string& out) {
    std::string_view name;
    if (Failure failure = ReadString(tree, at, name)) {
      return failure;
    }
    std::string why;
    std::optional<std::string> entity = ReadEntityName(name, &why);
    if (!entity) {
      return FailAt(tree, at, DecodeError::kBadName, why);
    }
    out = *std::move(entity);
    return std::nullopt;
  }

  // Whether `deleted` takes back what the record names.
  template <typename Type>
  Failure ReadPresence(const JsonTree& tree, Type present, Type deleted, Type& type) {
    const size_t at = At(Key::kDeleted);
    if (at != 0 && tree[at].type != JsonNode::Type::kBool) {
      return FailType(tree, at, "true or false");
    }
    type = at != 0 && tree[at].truth ? deleted : present;
    return std::nullopt;
  }

  // What entities and relations share: labels, deleted, source, time.
  Failure ReadChange(const JsonTree& tree, TopologyChange::Type present,
                     TopologyChange::Type deleted, TopologyChange& change) {
    std::string_view source;
    Failure failure = ReadLabels(tree);
    if (!failure && name_at_ != 0) {
      failure =
          FailAtKey(tree, name_at_, DecodeError::kBadName, "__name__ is for metrics and events");
    }
    if (!failure) {
      failure = ReadString(tree, At(Key::kSource), source);
    }
    if (!failure) {
      failure = ReadTime(tree, change.time);
    }
    if (!failure) {
      failure = ReadPresence(tree, present, deleted, change.type);
    }
    if (failure) {
      return failure;
    }
    change.labels = Labels::FromViews(labels_);
    change.source = source;
    return std::nullopt;
  }

  Failure MapEntity(const JsonTree& tree, Decoded& out) {
    TopologyChange change;
    Failure failure = ReadEntity(tree, At(Key::kEntity), change.entity);
    if (!failure) {
      failure = ReadChange(tree, TopologyChange::Type::kEntity,
                           TopologyChange::Type::kEntityDeleted, change);
    }
    if (!failure) {
      out.changes.push_back(std::move(change));
    }
    return failure;
  }

  Failure MapRelation(const JsonTree& tree, Decoded& out) {
    TopologyChange change;
    std::string_view relation;
    if (Failure failure = ReadString(tree, At(Key::kRelation), relation)) {
      return failure;
    }
    if (!IsIdentifier(relation)) {
      return FailAt(tree, At(Key::kRelation), DecodeError::kBadName,
                    fmt::format("\"{}\" is no name of a relation", Shown(relation)));
    }
    change.relation = relation;
    Failure failure = ReadEntity(tree, At(Key::kFrom), change.from);
    if (!failure) {
      failure = ReadEntity(tree, At(Key::kTo), change.to);
    }
    if (!failure) {
      failure = ReadChange(tree, TopologyChange::Type::kRelation,
                           TopologyChange::Type::kRelationDeleted, change);
    }
    if (!failure) {
      out.changes.push_back(std::move(change));
    }
    return failure;
  }

  Failure MapSnapshot(const JsonTree& tree, Decoded& out) {
    TopologyChange change;
    std::string_view word, source, epoch;
    const size_t at = At(Key::kSnapshot);
    Failure failure = ReadString(tree, at, word);
    if (!failure) {
      failure = ReadPlainName(tree, At(Key::kSource), source);
    }
    if (!failure) {
      failure = ReadString(tree, At(Key::kEpoch), epoch);
    }
    if (!failure) {
      failure = ReadTime(tree, change.time);
    }
    if (!failure && word != "begin" && word != "end") {
      failure = FailAt(tree, at, DecodeError::kWrongType, "\"begin\" or \"end\" expected");
    }
    if (failure) {
      return failure;
    }
    change.type =
        word == "begin" ? TopologyChange::Type::kSnapshotBegin : TopologyChange::Type::kSnapshotEnd;
    change.source = source;
    change.epoch = epoch;
    out.changes.push_back(std::move(change));
    return std::nullopt;
  }

  // What acknowledgements and silences share: who, why, since when, and whether it is withdrawn.
  Failure ReadControl(const JsonTree& tree, Key key, ControlChange::Type present,
                      ControlChange::Type deleted, ControlChange& change) {
    std::string_view id, by, comment;
    Failure failure = ReadPlainName(tree, At(key), id);
    if (!failure) {
      failure = ReadString(tree, At(Key::kBy), by);
    }
    if (!failure) {
      failure = ReadString(tree, At(Key::kComment), comment);
    }
    if (!failure) {
      failure = ReadTime(tree, change.time);
    }
    if (!failure) {
      failure = ReadPresence(tree, present, deleted, change.type);
    }
    if (failure) {
      return failure;
    }
    change.id = id;
    change.by = by;
    change.comment = comment;
    return std::nullopt;
  }

  Failure MapAcknowledge(const JsonTree& tree, const DecodeContext& context, Decoded& out) {
    ControlChange change;
    Failure failure = ReadControl(tree, Key::kAcknowledge, ControlChange::Type::kAcknowledge,
                                  ControlChange::Type::kAcknowledgeDeleted, change);
    if (!failure && change.type == ControlChange::Type::kAcknowledge && change.by.empty()) {
      failure = FailAt(tree, 0, DecodeError::kMissingKey, "\"by\": who has it in hand?");
    }
    change.time = change.time ? change.time : context.record_time;
    if (!failure && !change.time) {
      failure = FailAt(tree, 0, DecodeError::kBadTime, "no time, and none to assume");
    }
    if (!failure) {
      out.controls.push_back(std::move(change));
    }
    return failure;
  }

  Failure MapSilence(const JsonTree& tree, const DecodeContext& context, Decoded& out) {
    ControlChange change;
    Failure failure = ReadControl(tree, Key::kSilence, ControlChange::Type::kSilence,
                                  ControlChange::Type::kSilenceDeleted, change);
    std::string_view signal;
    std::optional<EventTime> until;
    if (!failure) {
      failure = ReadString(tree, At(Key::kSignal), signal);
    }
    if (!failure && At(Key::kEntity) != 0) {
      failure = ReadEntity(tree, At(Key::kEntity), change.entity);
    }
    if (!failure) {
      failure = ReadLabels(tree);
    }
    if (!failure && name_at_ != 0) {
      failure =
          FailAtKey(tree, name_at_, DecodeError::kBadName, "__name__ is for metrics and events");
    }
    if (!failure) {
      failure = ReadTimeAt(tree, At(Key::kUntil), until);
    }
    if (failure) {
      return failure;
    }
    change.time = change.time ? change.time : context.record_time;
    change.signal = signal;
    change.labels = Labels::FromViews(labels_);
    change.until = until.value_or(kMinTime);
    if (change.type == ControlChange::Type::kSilence) {
      if (!until) {
        return FailAt(tree, 0, DecodeError::kMissingKey, "\"until\": a silence has an end");
      }
      if (change.by.empty()) {
        return FailAt(tree, 0, DecodeError::kMissingKey, "\"by\": who wants it silent?");
      }
      if (change.entity.empty() && change.signal.empty() && change.labels.size() == 0) {
        return FailAt(tree, 0, DecodeError::kMissingKey,
                      "one of entity, signal, labels: what is silent?");
      }
      if (change.time && *change.time >= *until) {
        return FailAt(tree, At(Key::kUntil), DecodeError::kBadTime, "it ends before it begins");
      }
    }
    out.controls.push_back(std::move(change));
    return std::nullopt;
  }

  // Of the present object.
  OwnObject object_;
  std::vector<Label> labels_;
  size_t name_at_ = 0;
};

}  // namespace

std::unique_ptr<JsonFormat> MakeOwnJson() { return std::make_unique<OwnJson>(); }

}  // namespace rootnote
