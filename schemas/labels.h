// A label set: sorted name/value pairs in one canonical byte string, with its 64-bit hash.
//
// The metric name is the label `__name__`, as in Prometheus. A label with an empty value is the
// same as no label. Copies share the bytes. Names and values are valid UTF-8, so the byte 0xFF
// can separate them: bytes() = name FF value FF name FF value FF …, names ascending.
// Thread: immutable, any thread.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rootnote {

inline constexpr std::string_view kMetricName = "__name__";

// XXH3 with a fixed seed: the same on every machine, may be persisted, decides shards.
uint64_t HashBytes(std::string_view bytes);

using Label = std::pair<std::string_view, std::string_view>;

class Labels {
 public:
  Labels();  // The empty set.

  // Sorts; drops empty values; of a repeated name the last one wins (decoders reject repeats
  // before).
  static Labels From(std::vector<std::pair<std::string, std::string>> pairs);
  static Labels FromViews(std::vector<Label> pairs);

  // "" when absent.
  std::string_view Get(std::string_view name) const;
  bool Has(std::string_view name) const { return !Get(name).empty(); }
  std::string_view metric() const { return Get(kMetricName); }
  bool empty() const;
  size_t size() const;

  // Copies that differ in one respect.
  Labels With(std::string_view name, std::string_view value) const;  // Empty value removes.
  Labels Without(std::string_view name) const;
  Labels Keep(const std::vector<std::string>& names) const;  // `by (names)`: drops __name__ too
  Labels Drop(
      const std::vector<std::string>& names) const;  // `without (names)`: also drops __name__

  std::vector<Label> ToVector() const;  // Ascending by name; views live as long as the set.

  std::string_view bytes() const;
  uint64_t hash() const;

  // metric{a="1",b="2"} as PromQL writes it, for messages.
  std::string ToString() const;

  friend bool operator==(const Labels& a, const Labels& b) {
    return a.hash() == b.hash() && a.bytes() == b.bytes();
  }
  // Byte order of the canonical form.
  friend std::strong_ordering operator<=>(const Labels& a, const Labels& b) {
    return a.bytes().compare(b.bytes()) <=> 0;
  }
  template <typename H>
  friend H AbslHashValue(H state, const Labels& labels) {
    return H::combine(std::move(state), labels.hash());
  }

 private:
  struct Set;
  explicit Labels(std::shared_ptr<const Set> set);
  std::shared_ptr<const Set> set_;
};

}  // namespace rootnote
