// What the tests of connectors share: a folder that goes away, and records that outlive their
// batch.
#pragma once

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

#include "connectors/source.h"

namespace rootnote {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "rootnote-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::string Path(const std::string& name) const { return (path_ / name).string(); }
  std::string Write(const std::string& name, const std::string& text) const {
    std::ofstream(Path(name), std::ios::binary) << text;
    return Path(name);
  }
  std::string Read(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(Path(name), std::ios::binary).rdbuf();
    return text.str();
  }

 private:
  std::filesystem::path path_;
};

struct ReadRecord {
  TopicPartition partition;
  int64_t offset = 0;
  std::optional<std::string> key, value;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
  std::optional<EventTime> record_time, receive_time;
};

inline std::optional<std::string> Owned(const std::optional<std::string_view>& text) {
  return text ? std::optional<std::string>(*text) : std::nullopt;
}

inline ReadRecord Owned(const Record& record) {
  ReadRecord read;
  read.partition = {std::string(record.topic), record.partition};
  read.offset = record.offset;
  read.key = Owned(record.key);
  read.value = Owned(record.value);
  for (const HeaderView& header : record.headers) {
    read.headers.emplace_back(std::string(header.key), Owned(header.value));
  }
  read.record_time = record.record_time;
  read.receive_time = record.receive_time;
  return read;
}

// Polls a source and keeps what came of it.
class Reading {
 public:
  explicit Reading(Source& source, PollLimits limits = {}) : source_(source), limits_(limits) {}

  // One Poll; a failed one is kept in `status`.
  void Poll(Millis timeout = 100ms) {
    auto polled = source_.Poll(limits_, timeout);
    if (!polled.ok()) {
      status = polled.status();
      return;
    }
    for (const PartitionNotice& notice : polled->notices) {
      notices.push_back(notice);
      latest[notice.partition][notice.type] = notice;
    }
    batch_sizes.push_back(polled->batch.records.size());
    for (const Record& record : polled->batch.records) {
      records.push_back(Owned(record));
    }
  }

  // Polls until `done`, which is a failure when it does not come about in good time.
  void Until(const std::function<bool()>& done, Millis limit = 30s) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (status.ok() && !done()) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "what was waited for did not come";
      Poll();
    }
  }
  void UntilFinished(size_t partitions) {
    Until([this, partitions] { return Count(PartitionNotice::Type::kFinished) == partitions; });
  }

  // Partitions that had such a notice.
  size_t Count(PartitionNotice::Type type) const {
    size_t count = 0;
    for (const auto& [partition, by_type] : latest) {
      count += by_type.contains(type) ? 1 : 0;
    }
    return count;
  }
  std::vector<std::string> Values() const {
    std::vector<std::string> values;
    for (const ReadRecord& record : records) {
      values.push_back(record.value.value_or("<null>"));
    }
    return values;
  }
  std::map<TopicPartition, std::vector<ReadRecord>> ByPartition() const {
    std::map<TopicPartition, std::vector<ReadRecord>> sorted;
    for (const ReadRecord& record : records) {
      sorted[record.partition].push_back(record);
    }
    return sorted;
  }

  absl::Status status;
  std::vector<ReadRecord> records;
  std::vector<PartitionNotice> notices;
  std::map<TopicPartition, std::map<PartitionNotice::Type, PartitionNotice>> latest;
  std::vector<size_t> batch_sizes;

 private:
  Source& source_;
  PollLimits limits_;
};

}  // namespace rootnote
