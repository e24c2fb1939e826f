// Reads a YAML mapping key by key: what was not asked for is an unknown key. Collects all findings.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
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
  // What is no error, but worth a line: the run goes on.
  void Warn(const YAML::Node& node, std::string_view message);
  bool empty() const { return list_.empty(); }
  std::string Text() const;
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  std::string name_;
  std::vector<std::string> list_, warnings_;
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
  // `latest`, `earliest` or a time: the index of the word, or the time and `choice` as it was.
  void ReadWordOrTime(std::string_view key, const std::vector<std::string>& words, size_t& choice,
                      std::optional<EventTime>& time);
  // One of `words`; the index of the one that is there. `also`: what else could stand there.
  void Choose(std::string_view key, const std::vector<std::string>& words, size_t& choice,
              std::string_view also = "");
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
  bool Expand(const YAML::Node& node, std::string_view key, std::string& text);

  struct Entries;
  std::unique_ptr<Entries> entries_;
  std::string path_;
  ConfigFindings& findings_;
  std::set<std::string, std::less<>> asked_;
};

// A value with its references replaced: `${env:NAME}`, `${env:NAME:-default}`, and `${file:PATH}`,
// which is the file's content without the newline at its end. What is put in is not read again.
struct ExpandedValue {
  std::string text;
  std::string error;    // "" when all were found: what is missing, and what to do
  std::string warning;  // a file that others may read
};
ExpandedValue ExpandReferences(std::string_view text);

}  // namespace rootnote
