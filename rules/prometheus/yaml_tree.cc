#include "rules/prometheus/yaml_tree.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "fmt/format.h"
#include "yaml-cpp/yaml.h"

#include "rules/diagnostic_codes.h"

namespace rootnote::prometheus {
namespace {

// Aliases multiply: a short text may stand for more than any memory holds. A node that is written
// takes a character at least; so many more may come from aliases.
constexpr size_t kAliasNodesMax = 100'000;
constexpr int kDepthMax = 100;

class TreeBuilder {
 public:
  explicit TreeBuilder(size_t text_size) : text_size_(text_size) {}

  YamlNode Build(const YAML::Node& from, int depth = 0) {
    YamlNode node;
    node.begin = OffsetOf(from.Mark());
    if (++nodes_ > text_size_ + kAliasNodesMax || depth > kDepthMax) {
      too_large_ = true;
      return node;
    }
    switch (from.Type()) {
      case YAML::NodeType::Scalar:
        node.kind = YamlNode::Kind::kScalar;
        node.text = from.Scalar();
        node.quoted = from.Tag() == "!";
        break;
      case YAML::NodeType::Sequence:
        node.kind = YamlNode::Kind::kSequence;
        for (const auto& item : from) node.items.push_back(Build(item, depth + 1));
        break;
      case YAML::NodeType::Map:
        node.kind = YamlNode::Kind::kMap;
        BuildMap(from, depth, node);
        break;
      default:
        break;
    }
    return node;
  }

  bool too_large() const { return too_large_; }

 private:
  uint32_t OffsetOf(const YAML::Mark& mark) const {
    if (mark.pos < 0) return 0;
    return static_cast<uint32_t>(std::min(static_cast<size_t>(mark.pos), text_size_));
  }

  void BuildMap(const YAML::Node& from, int depth, YamlNode& node) {
    std::vector<YamlNode> merged;
    for (const auto& entry : from) {
      YamlNode key = Build(entry.first, depth + 1);
      YamlNode value = Build(entry.second, depth + 1);
      if (key.text == "<<" && !key.quoted) {
        if (value.kind == YamlNode::Kind::kSequence) {
          std::move(value.items.begin(), value.items.end(), std::back_inserter(merged));
        } else {
          merged.push_back(std::move(value));
        }
        continue;
      }
      if (key.begin == 0 && node.entries.empty()) key.begin = node.begin;
      node.entries.push_back({std::move(key), std::move(value)});
    }
    for (YamlNode& base : merged) {
      for (auto& entry : base.entries) {
        if (node.Find(entry.first.text) == nullptr) node.entries.push_back(std::move(entry));
      }
    }
  }

  size_t text_size_;
  size_t nodes_ = 0;
  bool too_large_ = false;
};

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Where the text of a scalar begins, behind a quote or the head of a block.
size_t ContentBegin(std::string_view text, size_t at) {
  if (at >= text.size()) return text.size();
  if (text[at] == '"' || text[at] == '\'') return at + 1;
  if (text[at] != '|' && text[at] != '>') return at;
  const size_t line = text.find('\n', at);
  return line == std::string_view::npos ? text.size() : line + 1;
}

// The offset of `wanted` characters into the scalar's text, walking both texts side by side.
std::optional<size_t> Align(std::string_view text, const YamlNode& scalar, size_t wanted) {
  size_t at = ContentBegin(text, scalar.begin);
  const char style = scalar.begin < text.size() ? text[scalar.begin] : ' ';
  for (size_t i = 0;; ++i) {
    const bool done = i >= wanted || i >= scalar.text.size();
    if (!done && IsSpace(scalar.text[i])) continue;
    while (at < text.size() && IsSpace(text[at])) ++at;
    if (at < text.size() && style == '"' && text[at] == '\\') {
      ++at;
      while (at < text.size() && IsSpace(text[at])) ++at;
    } else if (style == '\'' && text.substr(at, 2) == "''") {
      ++at;
    }
    if (done) return at;
    if (at >= text.size() || text[at] != scalar.text[i]) return std::nullopt;
    ++at;
  }
}

const std::vector<YamlNode>& NoItems() {
  static const std::vector<YamlNode> kNone;
  return kNone;
}

std::string_view KindName(YamlNode::Kind kind) {
  switch (kind) {
    case YamlNode::Kind::kNull:
      return "nothing";
    case YamlNode::Kind::kScalar:
      return "a single value";
    case YamlNode::Kind::kSequence:
      return "a list";
    case YamlNode::Kind::kMap:
      return "a map";
  }
  return "";
}

}  // namespace

const YamlNode* YamlNode::Find(std::string_view key) const {
  for (const auto& [name, value] : entries) {
    if (name.text == key) return &value;
  }
  return nullptr;
}

std::optional<YamlNode> ParseYaml(const RuleSource& source, uint32_t index,
                                  Diagnostics& diagnostics) {
  const std::string_view text = source.text();
  const auto fail = [&](uint32_t at, std::string message) {
    diagnostics.Error(DiagnosticCode::kRuleFile, index, {at, at}, std::move(message));
    return std::nullopt;
  };
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(std::string(text));
    if (documents.empty()) return YamlNode{};
    TreeBuilder builder(text.size());
    YamlNode root = builder.Build(documents.front());
    if (builder.too_large()) return fail(0, "the YAML is too deep, or its aliases grow too large");
    if (documents.size() > 1) {
      const uint32_t at = builder.Build(documents[1]).begin;
      diagnostics.Warning(DiagnosticCode::kRuleFileDoubtful, index, {at, at},
                          "only the first YAML document of a file is read");
    }
    return root;
  } catch (const YAML::Exception& error) {
    const size_t at = error.mark.pos < 0 ? 0 : static_cast<size_t>(error.mark.pos);
    return fail(static_cast<uint32_t>(std::min(at, text.size())),
                fmt::format("not YAML: {}", error.msg));
  }
}

Span SpanInSource(const RuleSource& source, const YamlNode& scalar, size_t begin, size_t end) {
  const std::optional<size_t> from = Align(source.text(), scalar, begin);
  if (!from) return {scalar.begin, scalar.begin};
  size_t last = end;
  while (last > begin && last <= scalar.text.size() && IsSpace(scalar.text[last - 1])) --last;
  const std::optional<size_t> to = last > begin ? Align(source.text(), scalar, last - 1) : from;
  const size_t stop = last > begin ? to.value_or(*from) + 1 : *from;
  return {static_cast<uint32_t>(*from),
          static_cast<uint32_t>(std::min(std::max(stop, *from), source.text().size()))};
}

std::optional<Millis> ParseModelDuration(std::string_view text) {
  if (text == "0") return Millis{0};
  return ParseDuration(text);
}

Span YamlReader::SpanOf(const YamlNode& node) const {
  if (node.kind != YamlNode::Kind::kScalar) return {node.begin, node.begin};
  return SpanInSource(source_, node, 0, node.text.size());
}

void YamlReader::Error(const YamlNode& at, std::string message, std::string hint) const {
  diagnostics_.Error(DiagnosticCode::kRuleFile, index_, SpanOf(at), std::move(message),
                     std::move(hint));
}

void YamlReader::Warning(const YamlNode& at, std::string message, std::string hint) const {
  diagnostics_.Warning(DiagnosticCode::kRuleFileDoubtful, index_, SpanOf(at), std::move(message),
                       std::move(hint));
}

bool YamlReader::ExpectMap(const YamlNode& node, std::string_view what,
                           const std::vector<std::string>& known) const {
  if (node.kind != YamlNode::Kind::kMap) {
    Error(node, fmt::format("{} must be a map, this is {}", what, KindName(node.kind)));
    return false;
  }
  for (size_t i = 0; i < node.entries.size(); ++i) {
    const YamlNode& key = node.entries[i].first;
    if (std::find(known.begin(), known.end(), key.text) == known.end()) {
      const std::string near = DidYouMean(key.text, known);
      Error(key, fmt::format("field `{}` not found in {}", key.text, what),
            near.empty() ? "" : fmt::format("did you mean `{}`?", near));
    }
    if (node.Find(key.text) != &node.entries[i].second) {
      Error(key, fmt::format("field `{}` is there twice", key.text));
    }
  }
  return true;
}

const std::vector<YamlNode>& YamlReader::Items(const YamlNode& map, std::string_view key) const {
  const YamlNode* node = map.Find(key);
  if (node == nullptr || node->kind == YamlNode::Kind::kNull) return NoItems();
  if (node->kind != YamlNode::Kind::kSequence) {
    Error(*node, fmt::format("`{}` must be a list, this is {}", key, KindName(node->kind)));
    return NoItems();
  }
  return node->items;
}

std::string YamlReader::Text(const YamlNode& map, std::string_view key) const {
  const YamlNode* node = map.Find(key);
  if (node == nullptr || node->kind == YamlNode::Kind::kNull) return "";
  if (node->kind != YamlNode::Kind::kScalar) {
    Error(*node, fmt::format("`{}` must be a text, this is {}", key, KindName(node->kind)));
    return "";
  }
  return node->text;
}

std::optional<Millis> YamlReader::Duration(const YamlNode& map, std::string_view key) const {
  const YamlNode* node = map.Find(key);
  if (node == nullptr || node->kind == YamlNode::Kind::kNull) return std::nullopt;
  const std::string text = Text(map, key);
  const std::optional<Millis> duration = ParseModelDuration(text);
  if (!duration && node->kind == YamlNode::Kind::kScalar) {
    Error(*node, fmt::format("not a valid duration string: \"{}\"", text),
          "such as 30s, 5m, 1h30m");
  }
  return duration;
}

std::optional<int64_t> YamlReader::Integer(const YamlNode& map, std::string_view key) const {
  const YamlNode* node = map.Find(key);
  if (node == nullptr || node->kind == YamlNode::Kind::kNull) return std::nullopt;
  const std::string text = Text(map, key);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || node->quoted) {
    Error(*node, fmt::format("`{}` must be a whole number", key));
    return std::nullopt;
  }
  return value;
}

std::optional<double> YamlReader::Number(const YamlNode& map, std::string_view key) const {
  const YamlNode* node = map.Find(key);
  if (node == nullptr || node->kind == YamlNode::Kind::kNull) return std::nullopt;
  std::string text = Text(map, key);
  text.erase(std::remove(text.begin(), text.end(), '_'), text.end());
  const bool signed_word = !text.empty() && (text[0] == '+' || text[0] == '-');
  const std::string word = text.substr(signed_word ? 1 : 0);
  const double sign = text.starts_with("-") ? -1 : 1;
  if (word == ".inf" || word == ".Inf" || word == ".INF") {
    return sign * std::numeric_limits<double>::infinity();
  }
  if (text == ".nan" || text == ".NaN" || text == ".NAN") return std::nan("");
  // YAML's numbers have no words; strtod would take `inf` and `nan`.
  const bool numeric = !word.empty() && (std::isdigit(static_cast<unsigned char>(word[0])) != 0 ||
                                         (word[0] == '.' && word.size() > 1));
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (!numeric || end != text.c_str() + text.size() || node->quoted) {
    Error(*node, fmt::format("`{}` must be a number", key), "infinity is .inf in YAML");
    return std::nullopt;
  }
  return value;
}

bool YamlReader::Bool(const YamlNode& map, std::string_view key) const {
  const YamlNode* node = map.Find(key);
  if (node == nullptr || node->kind == YamlNode::Kind::kNull) return false;
  const std::string text = Text(map, key);
  for (const char* yes : {"true", "True", "TRUE", "yes", "Yes", "on", "On"}) {
    if (text == yes) return true;
  }
  for (const char* no : {"false", "False", "FALSE", "no", "No", "off", "Off"}) {
    if (text == no) return false;
  }
  Error(*node, fmt::format("`{}` must be true or false", key));
  return false;
}

YamlReader::Texts YamlReader::Map(const YamlNode& map, std::string_view key) const {
  Texts texts;
  const YamlNode* node = map.Find(key);
  if (node == nullptr || node->kind == YamlNode::Kind::kNull) return texts;
  if (node->kind != YamlNode::Kind::kMap) {
    Error(*node, fmt::format("`{}` must be a map, this is {}", key, KindName(node->kind)));
    return texts;
  }
  for (const auto& [name, value] : node->entries) {
    if (node->Find(name.text) != &value) {
      Error(name, fmt::format("field `{}` is there twice", name.text));
    }
    if (value.kind != YamlNode::Kind::kScalar && value.kind != YamlNode::Kind::kNull) {
      Error(value, fmt::format("`{}` must be a text, this is {}", name.text, KindName(value.kind)));
    }
    texts.emplace_back(name.text, value.text);
  }
  std::stable_sort(texts.begin(), texts.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  return texts;
}

}  // namespace rootnote::prometheus
