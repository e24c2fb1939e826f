#include "schemas/own_json_keys.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "fmt/format.h"

#include "schemas/json_format.h"
#include "schemas/json_syntax.h"

namespace rootnote {
namespace {

constexpr size_t kKeys = static_cast<size_t>(OwnKey::kCount);
constexpr size_t kKinds = 8;
constexpr std::array<std::string_view, kKeys> kNames = {
    "metric",  "metrics", "event", "entity",     "relation", "snapshot", "acknowledge", "silence",
    "labels",  "time",    "value", "attributes", "message",  "id",       "from",        "to",
    "deleted", "source",  "epoch", "by",         "comment",  "until",    "signal",
};

// A bit for each key.
using KeySet = uint32_t;
static_assert(kKeys <= 32);

template <typename... Keys>
constexpr KeySet Set(Keys... keys) {
  return (KeySet{0} | ... | (KeySet{1} << static_cast<size_t>(keys)));
}
constexpr bool Has(KeySet set, size_t key) { return (set >> key & 1U) != 0; }

constexpr KeySet kAnyKind = (KeySet{1} << kKinds) - 1;

struct Shape {
  KeySet allowed;
  KeySet required;
};

// Which keys stand beside each of the first eight.
using enum OwnKey;
constexpr std::array<Shape, kKinds> kShapes = {{
    {Set(kMetric, kValue, kLabels, kTime), Set(kValue)},
    {Set(kMetrics, kLabels, kTime), 0},
    {Set(kEvent, kLabels, kAttributes, kMessage, kId, kTime), 0},
    {Set(kEntity, kLabels, kDeleted, kSource, kTime), 0},
    {Set(kRelation, kFrom, kTo, kLabels, kDeleted, kSource, kTime), Set(kFrom, kTo)},
    {Set(kSnapshot, kSource, kEpoch, kTime), Set(kSource)},
    {Set(kAcknowledge, kBy, kComment, kDeleted, kTime), 0},
    {Set(kSilence, kEntity, kSignal, kLabels, kBy, kComment, kUntil, kDeleted, kTime), 0},
}};

// Levenshtein's distance of two short words.
size_t Distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t substituted = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, substituted});
    }
  }
  return row.back();
}

std::string UnknownKey(std::string_view key, KeySet allowed) {
  constexpr size_t kLongest = 32;
  size_t nearest = 3;  // Two slips are a misspelling, three are another word.
  std::string_view meant;
  for (size_t i = 0; i < kKeys && key.size() <= kLongest; ++i) {
    const size_t distance = Has(allowed, i) ? Distance(key, kNames[i]) : nearest;
    if (distance < nearest && distance < key.size()) {
      nearest = distance;
      meant = kNames[i];
    }
  }
  const std::string out = fmt::format("unknown key \"{}\"", Shown(key));
  return meant.empty() ? out : out + fmt::format(", did you mean \"{}\"?", meant);
}

// The index of the key among the first `count`; `count` if it is none of them.
size_t FindKey(std::string_view name, size_t count) {
  const auto* end = kNames.begin() + count;
  return static_cast<size_t>(std::find(kNames.begin(), end, name) - kNames.begin());
}

// No key says what the object is: most likely that one is misspelt.
DecodeFailure FailKind(const JsonTree& tree) {
  for (size_t i = tree.First(0); i != tree.End(0); i = tree.Next(i)) {
    if (FindKey(tree[i].key, kKeys) == kKeys) {
      return FailAtKey(tree, i, DecodeError::kUnknownKey, UnknownKey(tree[i].key, kAnyKind));
    }
  }
  return FailAt(tree, 0, DecodeError::kMissingKey,
                "one of metric, metrics, event, entity, relation, snapshot, acknowledge, silence "
                "is missing");
}

}  // namespace

std::optional<size_t> OwnObject::FindKind(const JsonTree& tree) {
  for (size_t i = tree.First(0); i != tree.End(0); i = tree.Next(i)) {
    if (FindKey(tree[i].key, kKinds) < kKinds) {
      return i;
    }
  }
  return std::nullopt;
}

std::optional<DecodeFailure> OwnObject::Sort(const JsonTree& tree) {
  at_.fill(0);
  const std::optional<size_t> kind_at = FindKind(tree);
  if (!kind_at) {
    return FailKind(tree);
  }
  const size_t kind = FindKey(tree[*kind_at].key, kKinds);
  kind_ = static_cast<OwnKey>(kind);
  const Shape& shape = kShapes[kind];
  KeySet missing = shape.required;
  for (size_t i = tree.First(0); i != tree.End(0); i = tree.Next(i)) {
    const size_t key = FindKey(tree[i].key, kKeys);
    if (key == kKeys || !Has(shape.allowed, key)) {
      return FailAtKey(tree, i, DecodeError::kUnknownKey,
                       UnknownKey(tree[i].key, shape.allowed) +
                           (key == kKeys ? "" : fmt::format(" beside \"{}\"", kNames[kind])));
    }
    at_[key] = i;
    missing &= ~(KeySet{1} << key);
  }
  for (size_t i = 0; i < kKeys; ++i) {
    if (Has(missing, i)) {
      return FailAt(tree, 0, DecodeError::kMissingKey,
                    fmt::format("\"{}\" is missing beside \"{}\"", kNames[i], kNames[kind]));
    }
  }
  return std::nullopt;
}

}  // namespace rootnote
