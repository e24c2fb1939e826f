#include "tests/harness/deliveries.h"

#include <algorithm>
#include <random>
#include <utility>

#include "fmt/format.h"

namespace rootnote::testing {
namespace {

std::string HeaderOf(const OutputRecord& record, std::string_view name) {
  for (const auto& [key, value] : record.headers) {
    if (key == name) {
      return value.value_or("");
    }
  }
  return "";
}

}  // namespace

std::vector<MemoryRecord> InOrder(std::vector<TimedRecord> records) {
  std::vector<MemoryRecord> out;
  for (TimedRecord& one : records) {
    out.push_back(std::move(one.record));
  }
  return out;
}

std::vector<MemoryRecord> ShuffledWithin(std::vector<TimedRecord> records, Millis lateness,
                                         uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<std::pair<EventTime, size_t>> order;
  for (size_t i = 0; i < records.size(); ++i) {
    const auto jitter = static_cast<int64_t>(random() % static_cast<uint64_t>(lateness.count()));
    order.emplace_back(records[i].time + Millis(jitter), i);
  }
  std::stable_sort(order.begin(), order.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<MemoryRecord> out;
  for (const auto& [time, index] : order) {
    out.push_back(std::move(records[index].record));
  }
  return out;
}

std::vector<TimedRecord> WithDuplicates(std::vector<TimedRecord> records, size_t every,
                                        size_t later) {
  std::vector<TimedRecord> out;
  std::vector<std::pair<size_t, TimedRecord>> again;  // due at an index, ascending
  for (size_t i = 0; i < records.size(); ++i) {
    out.push_back(records[i]);
    if (i % every == 0) {
      again.emplace_back(i + later, records[i]);
    }
    while (!again.empty() && again.front().first <= i) {
      out.push_back(std::move(again.front().second));
      again.erase(again.begin());
    }
  }
  return out;
}

absl::Status FaultySink::Write(const Commit& commit) {
  const size_t call = calls_++;
  if (abort.contains(call)) {
    return absl::AbortedError("the sink was told to abort this commit");
  }
  if (call >= unavailable_from) {
    return absl::UnavailableError("the sink was told to be unavailable");
  }
  Check(commit);
  ++accepted_;
  return MemorySink::Write(commit);
}

void FaultySink::Check(const Commit& commit) {
  for (const OutputRecord& record : commit.records) {
    const std::string topic = HeaderOf(record, "__connect.errors.topic");
    if (!topic.empty()) {
      const TopicPartition partition{topic,
                                     std::stoi(HeaderOf(record, "__connect.errors.partition"))};
      lettered_[partition].insert(std::stoll(HeaderOf(record, "__connect.errors.offset")));
    }
  }
  for (const CommitOffset& offset : commit.offsets) {
    for (const int64_t bad : poison[offset.partition]) {
      if (bad < offset.offset && !lettered_[offset.partition].contains(bad)) {
        violation_ +=
            fmt::format("{}-{}: offset {} committed before the dead letter of {}\n",
                        offset.partition.topic, offset.partition.partition, offset.offset, bad);
      }
    }
  }
}

}  // namespace rootnote::testing
