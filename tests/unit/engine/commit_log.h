// What a run committed, and from it what the next one begins with.
#pragma once

#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

#include "connectors/sink.h"
#include "engine/pipeline.h"
#include "engine/resume.h"
#include "schemas/incident_encoder.h"

namespace rootnote::testing {

// Keeps commits; from the given one on the outcome is unknown, which ends the run.
class CommitLog : public Sink {
 public:
  absl::Status Write(const Commit& commit) override {
    if (commits.size() == limit) {
      return absl::UnavailableError("the process is gone");
    }
    commits.push_back(commit);
    return absl::OkStatus();
  }
  absl::Status Close() override { return absl::OkStatus(); }

  std::vector<const OutputRecord*> On(std::string_view topic) const {
    std::vector<const OutputRecord*> out;
    for (const Commit& commit : commits) {
      for (const OutputRecord& record : commit.records) {
        if (record.topic == topic) {
          out.push_back(&record);
        }
      }
    }
    return out;
  }
  std::vector<Incident> Incidents() const {
    std::vector<Incident> out;
    for (const OutputRecord* record : On(OutputTopics().incidents)) {
      auto incident = DecodeIncident(*record->value);
      EXPECT_TRUE(incident.ok()) << incident.status().message();
      out.push_back(*std::move(incident));
    }
    return out;
  }
  ResumePoint Resume() const {
    std::map<TopicPartition, CommitOffset> newest;
    for (const Commit& commit : commits) {
      for (const CommitOffset& offset : commit.offsets) {
        newest[offset.partition] = offset;
      }
    }
    std::vector<CommitOffset> offsets;
    for (const auto& [partition, offset] : newest) {
      offsets.push_back(offset);
    }
    ResumePoint resume = ResumeFrom(offsets);
    resume.incidents = Incidents();
    return resume;
  }

  std::vector<Commit> commits;
  size_t limit = SIZE_MAX;
};

}  // namespace rootnote::testing
