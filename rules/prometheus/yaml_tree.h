// A YAML document as a tree with positions: what the readers of rule files and unit tests walk.
// Aliases are resolved and `<<` is merged. yaml-cpp stays in the .cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rules/diagnostic.h"
#include "rules/source.h"
#include "schemas/base/time.h"

namespace rootnote::prometheus {

struct YamlEntry;

struct YamlNode {
  enum class Kind : uint8_t { kNull, kScalar, kSequence, kMap } kind = Kind::kNull;
  std::string text;  // kScalar
  bool quoted = false;
  uint32_t begin = 0;              // where it begins in the source
  std::vector<YamlNode> items;     // kSequence
  std::vector<YamlEntry> entries;  // kMap, in the order of the text

  const YamlNode* Find(std::string_view key) const;
};

struct YamlEntry {
  YamlNode first, second;
};

// The first document of the text; kNull when it is empty. Nothing after an error.
std::optional<YamlNode> ParseYaml(const RuleSource& source, uint32_t index,
                                  Diagnostics& diagnostics);

// The place in the source of [begin, end) of a scalar's text, whatever its style: plain, quoted,
// literal or folded. The whole node's begin when the two cannot be aligned.
Span SpanInSource(const RuleSource& source, const YamlNode& scalar, size_t begin, size_t end);

// What Prometheus' configuration takes for a duration: ParseDuration, and "0".
std::optional<Millis> ParseModelDuration(std::string_view text);

// Reads maps strictly: what is unknown, repeated or of another type is an error with its place.
class YamlReader {
 public:
  using Texts = std::vector<std::pair<std::string, std::string>>;  // ascending by name

  YamlReader(const RuleSource& source, uint32_t index, Diagnostics& diagnostics)
      : source_(source), index_(index), diagnostics_(diagnostics) {}

  // False (and an error) when `node` is no map. Reports unknown and repeated keys.
  bool ExpectMap(const YamlNode& node, std::string_view what,
                 const std::vector<std::string>& known) const;
  // The items of `map`'s sequence `key`; none when it is missing or null.
  const std::vector<YamlNode>& Items(const YamlNode& map, std::string_view key) const;

  std::string Text(const YamlNode& map, std::string_view key) const;
  std::optional<Millis> Duration(const YamlNode& map, std::string_view key) const;
  std::optional<int64_t> Integer(const YamlNode& map, std::string_view key) const;
  std::optional<double> Number(const YamlNode& map, std::string_view key) const;
  bool Bool(const YamlNode& map, std::string_view key) const;
  Texts Map(const YamlNode& map, std::string_view key) const;

  void Error(const YamlNode& at, std::string message, std::string hint = "") const;
  void Warning(const YamlNode& at, std::string message, std::string hint = "") const;

  const RuleSource& source() const { return source_; }
  uint32_t index() const { return index_; }
  Diagnostics& diagnostics() const { return diagnostics_; }

 private:
  Span SpanOf(const YamlNode& node) const;

  const RuleSource& source_;
  uint32_t index_;
  Diagnostics& diagnostics_;
};

}  // namespace rootnote::prometheus
