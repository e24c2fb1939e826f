#include "engine/cli/config_reader.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "fmt/format.h"
#include "yaml-cpp/yaml.h"

#include "rules/diagnostic.h"

namespace rootnote {
namespace {

template <typename Number>
bool ParseInteger(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

void ConfigFindings::Add(const YAML::Node& node, std::string_view message) {
  const YAML::Mark mark = node.Mark();
  list_.push_back(
      fmt::format("{}:{}:{}: error: {}", name_, mark.line + 1, mark.column + 1, message));
}

void ConfigFindings::Add(std::string_view message) {
  list_.push_back(fmt::format("{}: error: {}", name_, message));
}

void ConfigFindings::Warn(const YAML::Node& node, std::string_view message) {
  const YAML::Mark mark = node.Mark();
  warnings_.push_back(
      fmt::format("{}:{}:{}: warning: {}", name_, mark.line + 1, mark.column + 1, message));
}

std::string ConfigFindings::Text() const { return fmt::format("{}", fmt::join(list_, "\n")); }

struct ConfigMap::Entries {
  std::deque<std::pair<YAML::Node, YAML::Node>> list;  // key and value, in order
};

ConfigMap::ConfigMap(const YAML::Node& node, std::string path, ConfigFindings& findings)
    : entries_(std::make_unique<Entries>()), path_(std::move(path)), findings_(findings) {
  if (!node.IsMap()) {
    if (node.IsDefined() && !node.IsNull()) {
      findings_.Add(node, fmt::format("{} must be a mapping of keys to values",
                                      path_.empty() ? "the file" : path_));
    }
    return;
  }
  std::set<std::string> seen;
  for (const auto& entry : node) {
    const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : "";
    if (!seen.insert(key).second) {
      findings_.Add(entry.first, fmt::format("{} is given twice; keep one", Name(key)));
    }
    entries_->list.emplace_back(entry.first, entry.second);
  }
}

ConfigMap::~ConfigMap() = default;

std::string ConfigMap::Name(std::string_view key) const {
  return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

const YAML::Node* ConfigMap::Find(std::string_view key) {
  asked_.emplace(key);
  for (const auto& [name, value] : entries_->list) {
    if (name.IsScalar() && name.Scalar() == key) return &value;
  }
  return nullptr;
}

bool ConfigMap::Has(std::string_view key) const {
  for (const auto& [name, value] : entries_->list) {
    if (name.IsScalar() && name.Scalar() == key) return true;
  }
  return false;
}

void ConfigMap::Wrong(std::string_view key, std::string_view message) {
  const YAML::Node* node = Find(key);
  const std::string text = fmt::format("{} {}", Name(key), message);
  if (node != nullptr) {
    findings_.Add(*node, text);
  } else {
    findings_.Add(text);
  }
}

bool ConfigMap::Scalar(std::string_view key, std::string& text) {
  const YAML::Node* node = Find(key);
  if (node == nullptr) return false;
  if (!node->IsScalar()) {
    Wrong(key, "must be a single value");
    return false;
  }
  return Expand(*node, key, text);
}

bool ConfigMap::Expand(const YAML::Node& node, std::string_view key, std::string& text) {
  ExpandedValue value = ExpandReferences(node.Scalar());
  text = std::move(value.text);
  if (!value.error.empty()) findings_.Add(node, fmt::format("{} {}", Name(key), value.error));
  if (!value.warning.empty()) findings_.Warn(node, fmt::format("{} {}", Name(key), value.warning));
  return value.error.empty();
}

void ConfigMap::Read(std::string_view key, std::string& value) { Scalar(key, value); }

void ConfigMap::Read(std::string_view key, bool& value) {
  std::string text;
  if (!Scalar(key, text)) return;
  if (text != "true" && text != "false") return Wrong(key, "must be true or false");
  value = text == "true";
}

void ConfigMap::Read(std::string_view key, int& value, int min, int max) {
  std::string text;
  if (!Scalar(key, text)) return;
  int number = 0;
  if (!ParseInteger(text, number) || number < min || number > max) {
    return Wrong(key, fmt::format("must be a whole number from {} to {}", min, max));
  }
  value = number;
}

void ConfigMap::Read(std::string_view key, size_t& value, size_t min, size_t max) {
  std::string text;
  if (!Scalar(key, text)) return;
  size_t number = 0;
  if (!ParseInteger(text, number) || number < min || number > max) {
    return Wrong(key, fmt::format("must be a whole number from {} to {}", min, max));
  }
  value = number;
}

void ConfigMap::Read(std::string_view key, Millis& value, Millis min, Millis max) {
  std::string text;
  if (!Scalar(key, text)) return;
  const std::optional<Millis> duration = ParseDuration(text);
  if (!duration || *duration < min || *duration > max) {
    return Wrong(key, fmt::format("must be a duration from {} to {}, such as 5s or 200ms",
                                  FormatDuration(min), FormatDuration(max)));
  }
  value = *duration;
}

void ConfigMap::Read(std::string_view key, EventTime& value) {
  std::string text;
  if (!Scalar(key, text)) return;
  const std::optional<EventTime> time = ParseRfc3339(text);
  if (!time) return Wrong(key, "must be a time such as 2026-11-22T07:00:00Z");
  value = *time;
}

void ConfigMap::Read(std::string_view key, std::map<std::string, std::string>& values) {
  Map(key, [&](ConfigMap& map) {
    std::vector<std::string> keys;
    for (const auto& [name, value] : map.entries_->list) {
      if (name.IsScalar()) keys.push_back(name.Scalar());
    }
    for (const std::string& name : keys) map.Read(name, values[name]);
  });
}

void ConfigMap::Read(std::string_view key, std::vector<std::string>& values) {
  const YAML::Node* node = Find(key);
  if (node == nullptr) return;
  values.clear();
  if (node->IsScalar()) {
    std::string value;
    if (Scalar(key, value)) values.push_back(value);
    return;
  }
  if (!node->IsSequence()) return Wrong(key, "must be a list");
  for (const YAML::Node& item : *node) {
    if (!item.IsScalar()) {
      findings_.Add(item, fmt::format("{} must be a list of single values", Name(key)));
      continue;
    }
    std::string value;
    if (Expand(item, key, value)) values.push_back(std::move(value));
  }
}

void ConfigMap::ReadWordOrTime(std::string_view key, const std::vector<std::string>& words,
                               size_t& choice, std::optional<EventTime>& time) {
  std::string text;
  if (!Scalar(key, text)) return;
  if (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    EventTime read;
    Read(key, read);
    time = read;
    return;
  }
  Choose(key, words, choice, ", or a time such as 2026-11-22T07:00:00Z");
}

void ConfigMap::Choose(std::string_view key, const std::vector<std::string>& words, size_t& choice,
                       std::string_view also) {
  std::string text;
  if (!Scalar(key, text)) return;
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i] == text) {
      choice = i;
      return;
    }
  }
  const std::string near = DidYouMean(text, words);
  Wrong(key, fmt::format("cannot be \"{}\"; it is one of {}{}{}", text, fmt::join(words, ", "),
                         also, near.empty() ? "" : fmt::format("; did you mean {}?", near)));
}

void ConfigMap::Map(std::string_view key, const std::function<void(ConfigMap&)>& body) {
  const YAML::Node* node = Find(key);
  if (node == nullptr) return;
  ConfigMap map(*node, Name(key), findings_);
  body(map);
  map.Finish();
}

void ConfigMap::List(std::string_view key, const std::function<void(ConfigMap&)>& body) {
  const YAML::Node* node = Find(key);
  if (node == nullptr) return;
  if (!node->IsSequence()) return Wrong(key, "must be a list");
  size_t index = 0;
  for (const YAML::Node& item : *node) {
    ConfigMap map(item, fmt::format("{}[{}]", Name(key), index++), findings_);
    body(map);
    map.Finish();
  }
}

void ConfigMap::Finish() {
  for (const auto& [name, value] : entries_->list) {
    const std::string key = name.IsScalar() ? name.Scalar() : "";
    if (asked_.contains(key)) continue;
    const std::string near = DidYouMean(key, {asked_.begin(), asked_.end()});
    findings_.Add(
        name, fmt::format("unknown key \"{}\"{}", Name(key),
                          near.empty() ? fmt::format("; known here: {}", fmt::join(asked_, ", "))
                                       : fmt::format("; did you mean {}?", near)));
  }
}

namespace {

constexpr uintmax_t kReferenceBytesMax = 64U << 10;

void ExpandVariable(std::string_view name, ExpandedValue& value) {
  std::optional<std::string_view> fallback;
  if (const size_t dash = name.find(":-"); dash != std::string_view::npos) {
    fallback = name.substr(dash + 2);
    name = name.substr(0, dash);
  }
  if (const char* found = std::getenv(std::string(name).c_str()); found != nullptr) {
    value.text += found;
  } else if (fallback) {
    value.text += *fallback;
  } else {
    value.error = fmt::format(
        "needs the environment variable {}, which is not set; set it, or write "
        "${{env:{}:-default}}",
        name, name);
  }
}

void ExpandFile(std::string_view name, ExpandedValue& value) {
  const std::string path(name);
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  const uintmax_t size = error ? 0 : std::filesystem::file_size(path, error);
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  if (error || !file || (size > 0 && !(content << file.rdbuf()))) {
    value.error = fmt::format("needs the file {}, which cannot be read{}", path,
                              error ? fmt::format(": {}", error.message()) : "");
    return;
  }
  if (size > kReferenceBytesMax) {
    value.error = fmt::format("needs the file {}, which has {} bytes; a value has at most {}", path,
                              size, kReferenceBytesMax);
    return;
  }
  if ((status.permissions() & std::filesystem::perms::others_read) !=
      std::filesystem::perms::none) {
    value.warning = fmt::format(
        "is read from {}, which every user of this machine may read; "
        "chmod o-r if it is a secret",
        path);
  }
  std::string text = std::move(content).str();
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  value.text += text;
}

}  // namespace

ExpandedValue ExpandReferences(std::string_view text) {
  constexpr std::string_view kVariable = "${env:", kFile = "${file:";
  ExpandedValue value;
  while (true) {
    const size_t begin = std::min(text.find(kVariable), text.find(kFile));
    const size_t end = begin == std::string_view::npos ? begin : text.find('}', begin);
    if (end == std::string_view::npos) {
      value.text += text;
      return value;
    }
    value.text += text.substr(0, begin);
    const std::string_view reference = text.substr(begin, end - begin);
    if (reference.starts_with(kFile)) {
      ExpandFile(reference.substr(kFile.size()), value);
    } else {
      ExpandVariable(reference.substr(kVariable.size()), value);
    }
    text.remove_prefix(end + 1);
  }
}

}  // namespace rootnote
