// Telegraf's `json` serializer: an object with fields, name, tags, timestamp, or a batch of them
// under `metrics`. A field becomes a sample of the metric measurement_field.
// Source: influxdata/telegraf, plugins/serializers/json.
#include <charconv>
#include <cmath>
#include <system_error>
#include <utility>

#include "fmt/format.h"

#include "schemas/json_format.h"
#include "schemas/json_number.h"
#include "schemas/json_syntax.h"

namespace rootnote {
namespace {

using Failure = std::optional<DecodeFailure>;

// SNMP's password in clear text: never stored, never logged.
constexpr std::string_view kSecretTag = "community";

bool IsWord(char c, bool colon) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         (colon && c == ':');
}

// Appends `name` in Prometheus' form: everything but letters, digits and `_` becomes `_`. Metric
// names may hold colons. A digit in front gets a `_` before it.
void AppendSanitised(std::string_view name, bool colon, std::string& out) {
  if (out.empty() && !name.empty() && name.front() >= '0' && name.front() <= '9') {
    out += '_';
  }
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0) == 0x80) {
      continue;  // One character of several bytes becomes one `_`.
    }
    out += IsWord(c, colon) ? c : '_';
  }
}

int Digits(TimeUnit unit) {
  switch (unit) {
    case TimeUnit::kSeconds:
      return 0;
    case TimeUnit::kMillis:
      return 3;
    case TimeUnit::kMicros:
      return 6;
    case TimeUnit::kNanos:
      return 9;
  }
  return 0;
}

int64_t FloorDivide(int64_t value, int64_t divisor) {
  const int64_t quotient = value / divisor;
  return quotient - (value % divisor < 0 ? 1 : 0);
}

// "1795331836.117" seconds → 1795331836117 ms, from the digits: no double in between. Truncated
// towards the past.
std::optional<int64_t> MillisOf(std::string_view token, TimeUnit unit) {
  if (token.find_first_of("eE") != std::string_view::npos) {
    const JsonNumber number = ParseJsonNumber(token);
    const double ms = std::floor(number.value * std::pow(10.0, 3 - Digits(unit)));
    const bool fits = !number.error && std::abs(ms) < 0x1p62;
    return fits ? std::optional<int64_t>(static_cast<int64_t>(ms)) : std::nullopt;
  }
  const size_t dot = token.find('.');
  const std::string_view fraction =
      dot == std::string_view::npos ? std::string_view() : token.substr(dot + 1);
  std::string digits(token.substr(0, dot));
  bool rest = false;  // something below the millisecond
  for (int i = Digits(unit); i < 3; ++i) {
    const auto at = static_cast<size_t>(i);
    digits += at < fraction.size() ? fraction[at] : '0';
  }
  const size_t used = static_cast<size_t>(std::max(0, 3 - Digits(unit)));
  rest = fraction.size() > used && fraction.find_first_not_of('0', used) != std::string_view::npos;
  int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) {
    return std::nullopt;
  }
  if (rest && token.front() == '-') {
    --value;
  }
  for (int i = 3; i < Digits(unit); i += 3) {
    value = FloorDivide(value, 1000);
  }
  return value;
}

class TelegrafJson : public JsonFormat {
 public:
  TelegrafJson(std::string_view name, TimeUnit unit) : name_(name), unit_(unit) {}

  std::string_view name() const override { return name_; }

  bool Recognises(const JsonTree& tree) const override {
    const size_t fields = Find(tree, 0, "fields");
    const size_t batch = Find(tree, 0, "metrics");
    return (fields != 0 && tree[fields].type == JsonNode::Type::kObject &&
            Find(tree, 0, "name") != 0) ||
           (batch != 0 && tree[batch].type == JsonNode::Type::kArray);
  }

  Failure Map(const JsonTree& tree, const DecodeContext& context, Decoded& out) override {
    if (const size_t batch = Find(tree, 0, "metrics"); batch != 0) {
      return MapBatch(tree, batch, context, out);
    }
    return MapMeasurement(tree, 0, context, out);
  }

  Failure MapTombstone(const DecodeContext&, Decoded&) override {
    return DecodeFailure{DecodeError::kEmpty, "a null value holds no measurement", "", 0};
  }

 private:
  Failure MapBatch(const JsonTree& tree, size_t at, const DecodeContext& context, Decoded& out) {
    if (tree[at].type != JsonNode::Type::kArray) {
      return FailType(tree, at, "an array of measurements");
    }
    for (size_t i = tree.First(at); i != tree.End(at); i = tree.Next(i)) {
      if (tree[i].type != JsonNode::Type::kObject) {
        return FailType(tree, i, "a measurement");
      }
      if (Failure failure = MapMeasurement(tree, i, context, out)) {
        return failure;
      }
    }
    return std::nullopt;
  }

  // The member `key` of an object, which is another node than 0; 0 if there is none.
  static size_t Find(const JsonTree& tree, size_t object, std::string_view key) {
    for (size_t i = tree.First(object); i != tree.End(object); i = tree.Next(i)) {
      if (tree[i].key == key) {
        return i;
      }
    }
    return 0;
  }

  // Other keys are let be: a transformation may add some.
  Failure MapMeasurement(const JsonTree& tree, size_t object, const DecodeContext& context,
                         Decoded& out) {
    const size_t name = Find(tree, object, "name");
    const size_t fields = Find(tree, object, "fields");
    const size_t tags = Find(tree, object, "tags");
    const size_t timestamp = Find(tree, object, "timestamp");
    if (name == 0 || fields == 0) {
      return FailAt(tree, object, DecodeError::kMissingKey,
                    name == 0 ? "\"name\" is missing" : "\"fields\" is missing");
    }
    if (tree[name].type != JsonNode::Type::kString) {
      return FailType(tree, name, "a string");
    }
    if (tree[name].text.empty()) {
      return FailAt(tree, name, DecodeError::kBadName, "an empty name");
    }
    if (tree[fields].type != JsonNode::Type::kObject) {
      return FailType(tree, fields, "an object");
    }
    EventTime time;
    Failure failure = ReadTime(tree, object, timestamp, context, time);
    if (!failure) {
      failure = ReadTags(tree, tags);
    }
    return failure ? failure : MapFields(tree, name, fields, time, out);
  }

  Failure ReadTime(const JsonTree& tree, size_t object, size_t at, const DecodeContext& context,
                   EventTime& out) {
    std::optional<EventTime> time = context.record_time;
    if (at != 0 && tree[at].type == JsonNode::Type::kString) {
      time = ParseRfc3339(tree[at].text);
    } else if (at != 0 && tree[at].type == JsonNode::Type::kNumber) {
      const std::optional<int64_t> ms = MillisOf(tree[at].text, unit_);
      time = ms && IsPlausible(*ms) ? std::optional(FromMillis(*ms)) : std::nullopt;
    } else if (at != 0) {
      return FailType(tree, at, "a number or an RFC 3339 time");
    }
    if (!time) {
      return at == 0 ? FailAt(tree, object, DecodeError::kBadTime, "no time, and none to assume")
                     : FailAt(tree, at, DecodeError::kBadTime,
                              fmt::format("{} is no time in the unit of {}", Shown(tree[at].text),
                                          name_));
    }
    out = *time;
    return std::nullopt;
  }

  // Fills tags_ with label names and values.
  Failure ReadTags(const JsonTree& tree, size_t at) {
    tags_.clear();
    if (at == 0 || tree[at].type == JsonNode::Type::kNull) {
      return std::nullopt;
    }
    if (tree[at].type != JsonNode::Type::kObject) {
      return FailType(tree, at, "an object of strings");
    }
    for (size_t i = tree.First(at); i != tree.End(at); i = tree.Next(i)) {
      if (tree[i].type != JsonNode::Type::kString) {
        return FailType(tree, i, "a string");
      }
      if (tree[i].key == kSecretTag) {
        continue;
      }
      std::string label;
      AppendSanitised(tree[i].key, false, label);
      if (label.empty() || label == kMetricName) {
        return FailAtKey(tree, i, DecodeError::kBadName,
                         fmt::format("\"{}\" cannot be a label", Shown(tree[i].key)));
      }
      for (const auto& [other, value] : tags_) {
        if (other == label) {
          return FailAtKey(tree, i, DecodeError::kDuplicateKey,
                           fmt::format("two tags become the label \"{}\"", Shown(label)));
        }
      }
      tags_.emplace_back(std::move(label), tree[i].text);
    }
    return std::nullopt;
  }

  Failure MapFields(const JsonTree& tree, size_t name, size_t fields, EventTime time,
                    Decoded& out) {
    metric_.clear();
    AppendSanitised(tree[name].text, true, metric_);
    metric_ += '_';
    const size_t prefix = metric_.size();
    std::vector<Label> labels = {{kMetricName, {}}};
    labels.insert(labels.end(), tags_.begin(), tags_.end());
    for (size_t i = tree.First(fields); i != tree.End(fields); i = tree.Next(i)) {
      const JsonNode& field = tree[i];
      double value = field.truth ? 1 : 0;
      if (field.type == JsonNode::Type::kNull || field.type == JsonNode::Type::kString) {
        ++out.samples_null;
        continue;
      }
      if (field.type == JsonNode::Type::kNumber) {
        if (field.number_error) {
          return FailNumber(tree, i);
        }
        value = field.number;
      } else if (field.type != JsonNode::Type::kBool) {
        return FailType(tree, i, "a number, a string, true or false");
      }
      if (field.key.empty()) {
        return FailAtKey(tree, i, DecodeError::kBadName, "an empty name");
      }
      metric_.resize(prefix);
      AppendSanitised(field.key, true, metric_);
      labels.front().second = metric_;
      out.samples.push_back({Labels::FromViews(labels), value, time});
    }
    return std::nullopt;
  }

  std::string_view name_;
  TimeUnit unit_;
  std::vector<std::pair<std::string, std::string_view>> tags_;  // of the present measurement
  std::string metric_;
};

}  // namespace

std::unique_ptr<JsonFormat> MakeTelegrafJson(std::string_view name, TimeUnit unit) {
  return std::make_unique<TelegrafJson>(name, unit);
}

}  // namespace rootnote
