// Reads a YAML mapping key by key: what was not asked for is an unknown key. Collects all findings.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/base/time.h"

namespace YAML {
class Node;
}

namespace rootnote {

class ConfigFindings {
 public:
  explicit ConfigFindings(std::string name) : name_(std::move(name)) {}
  void Add(const YAML::Node& node, std::string_view message);
  void Add(std::string_view message);
  bool empty() const { return list_.empty(); }
  std::string Text() const;

 private:
  std::string name_;
  std::vector<std::string> list_;
};

class ConfigMap {
 public:
  // `path` is how the map is called in messages: "kafka", "inputs[2]", "" for the document.
  ConfigMap(const YAML::Node& node, std::string path, ConfigFindings& findings);
  ~ConfigMap();

  void Read(std::string_view key, std::string& value);
  void Read(std::string_view key, bool& value);
  void Read(std::string_view key, int& value, int min, int max);
  void Read(std::string_view key, size_t& value, size_t min, size_t max);
  void Read(std::string_view key, Millis& value, Millis min, Millis max);
  void Read(std::string_view key, EventTime& value);
  void Read(std::string_view key, std::map<std::string, std::string>& values);
  void Read(std::string_view key, std::vector<std::string>& values);  // a list, or one scalar
  // One of `words`; the index of the one that is there.
  void Choose(std::string_view key, const std::vector<std::string>& words, size_t& choice);
  bool Has(std::string_view key) const;
  void Map(std::string_view key, const std::function<void(ConfigMap&)>& body);
  void List(std::string_view key, const std::function<void(ConfigMap&)>& body);

  // Reports keys that nobody asked for. Call it last.
  void Finish();
  void Wrong(std::string_view key, std::string_view message);

 private:
  const YAML::Node* Find(std::string_view key);
  std::string Name(std::string_view key) const;
  bool Scalar(std::string_view key, std::string& text);

  struct Entries;
  std::unique_ptr<Entries> entries_;
  std::string path_;
  ConfigFindings& findings_;
  std::set<std::string, std::less<>> asked_;
};

// `${env:NAME}` and `${env:NAME:-default}` replaced; a variable that is not set and has no default
// is returned in `missing`.
std::string ExpandEnvironment(std::string_view text, std::string& missing);

}  // namespace rootnote
