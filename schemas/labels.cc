#include "schemas/labels.h"

#include <algorithm>

#include "xxhash.h"

namespace rootnote {
namespace {

constexpr char kEnd = '\xFF';

bool IsMetricName(std::string_view name) {
  if (name.empty() || (name.front() >= '0' && name.front() <= '9')) {
    return false;
  }
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == ':';
  });
}

void AppendQuoted(std::string_view text, std::string& out) {
  out += '"';
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') {
      out += '\\';
    }
    out += c;
  }
  out += '"';
}

// Stable. Label sets are short and mostly sorted already, and std::stable_sort allocates.
void SortByName(std::vector<Label>& pairs) {
  const auto by_name = [](const Label& a, const Label& b) { return a.first < b.first; };
  constexpr size_t kShort = 32;
  if (pairs.size() > kShort) {
    std::stable_sort(pairs.begin(), pairs.end(), by_name);
    return;
  }
  for (size_t i = 1; i < pairs.size(); ++i) {
    const Label moved = pairs[i];
    size_t at = i;
    for (; at > 0 && by_name(moved, pairs[at - 1]); --at) {
      pairs[at] = pairs[at - 1];
    }
    pairs[at] = moved;
  }
}

bool Listed(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

uint64_t HashBytes(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

// The empty set is the null pointer: it costs nothing to copy.
struct Labels::Set {
  std::string bytes;
  uint64_t hash = 0;
  size_t size = 0;
};

Labels::Labels() = default;

Labels::Labels(std::shared_ptr<const Set> set) : set_(std::move(set)) {}

// NOLINTNEXTLINE(performance-unnecessary-value-param): callers hand their pairs over.
Labels Labels::From(std::vector<std::pair<std::string, std::string>> pairs) {
  std::vector<Label> views;
  views.reserve(pairs.size());
  for (const auto& [name, value] : pairs) {
    views.emplace_back(name, value);
  }
  return FromViews(std::move(views));
}

Labels Labels::FromViews(std::vector<Label> pairs) {
  SortByName(pairs);
  auto set = std::make_shared<Set>();
  size_t bytes = 0;
  for (const auto& [name, value] : pairs) {
    bytes += name.size() + value.size() + 2;
  }
  set->bytes.reserve(bytes);
  for (size_t i = 0; i < pairs.size(); ++i) {
    const auto& [name, value] = pairs[i];
    const bool repeated = i + 1 < pairs.size() && pairs[i + 1].first == name;
    if (repeated || value.empty()) {
      continue;
    }
    set->bytes.append(name).push_back(kEnd);
    set->bytes.append(value).push_back(kEnd);
    ++set->size;
  }
  if (set->size == 0) {
    return Labels();
  }
  set->hash = HashBytes(set->bytes);
  return Labels(std::move(set));
}

std::string_view Labels::Get(std::string_view name) const {
  std::string_view rest = bytes();
  while (!rest.empty()) {
    const size_t name_end = rest.find(kEnd);
    const size_t value_end = rest.find(kEnd, name_end + 1);
    if (rest.substr(0, name_end) == name) {
      return rest.substr(name_end + 1, value_end - name_end - 1);
    }
    rest.remove_prefix(value_end + 1);
  }
  return {};
}

bool Labels::empty() const { return set_ == nullptr; }

size_t Labels::size() const { return set_ == nullptr ? 0 : set_->size; }

Labels Labels::With(std::string_view name, std::string_view value) const {
  std::vector<Label> pairs = ToVector();
  pairs.emplace_back(name, value);
  return FromViews(std::move(pairs));
}

Labels Labels::Without(std::string_view name) const {
  if (!Has(name)) {
    return *this;
  }
  return With(name, "");
}

Labels Labels::Keep(const std::vector<std::string>& names) const {
  std::vector<Label> pairs = ToVector();
  std::erase_if(pairs, [&](const Label& label) {
    return label.first == kMetricName || !Listed(names, label.first);
  });
  return FromViews(std::move(pairs));
}

Labels Labels::Drop(const std::vector<std::string>& names) const {
  std::vector<Label> pairs = ToVector();
  std::erase_if(pairs, [&](const Label& label) {
    return label.first == kMetricName || Listed(names, label.first);
  });
  return FromViews(std::move(pairs));
}

std::vector<Label> Labels::ToVector() const {
  std::vector<Label> pairs;
  pairs.reserve(size());
  std::string_view rest = bytes();
  while (!rest.empty()) {
    const size_t name_end = rest.find(kEnd);
    const size_t value_end = rest.find(kEnd, name_end + 1);
    pairs.emplace_back(rest.substr(0, name_end),
                       rest.substr(name_end + 1, value_end - name_end - 1));
    rest.remove_prefix(value_end + 1);
  }
  return pairs;
}

std::string_view Labels::bytes() const {
  return set_ == nullptr ? std::string_view() : std::string_view(set_->bytes);
}

uint64_t Labels::hash() const {
  static const uint64_t empty_hash = HashBytes({});
  return set_ == nullptr ? empty_hash : set_->hash;
}

std::string Labels::ToString() const {
  const std::string_view name = metric();
  const bool name_in_front = IsMetricName(name);
  std::string out(name_in_front ? name : std::string_view());
  std::string inside;
  for (const auto& [label, value] : ToVector()) {
    if (name_in_front && label == kMetricName) {
      continue;
    }
    inside += inside.empty() ? "" : ",";
    inside += label;
    inside += '=';
    AppendQuoted(value, inside);
  }
  if (!inside.empty() || !name_in_front) {
    out += '{' + inside + '}';
  }
  return out;
}

}  // namespace rootnote
