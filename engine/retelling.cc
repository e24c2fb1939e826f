#include "engine/retelling.h"

#include <algorithm>

#include "fmt/format.h"

namespace rootnote {
namespace {

bool Applied(const IntakePartition& partition, int64_t next_offset) {
  return partition.cut.applied().value_or(0) >= next_offset;
}

bool Waits(const IntakePartition* partition, const JournalCut& cut) {
  return partition != nullptr && !partition->queue.empty() &&
         partition->queue.front().record.offset < cut.next_offset;
}

}  // namespace

absl::Status Retelling::Open(const std::string& path) {
  path_ = path;
  ASSIGN_OR_RETURN(reader_, JournalReader::Open(path));
  return Read();
}

absl::Status Retelling::Read() {
  ASSIGN_OR_RETURN(entry_, reader_->Next());
  if (entry_ && entry_->resumed) {
    return absl::InvalidArgumentError(
        fmt::format("journal {}: goes on from a run before it, at {}; only a run that began with "
                    "nothing can be told again",
                    path_, FormatRfc3339(entry_->tick)));
  }
  return absl::OkStatus();
}

// Whether its next record took effect in the entry's tick.
bool Retelling::Named(const IntakePartition& partition) const {
  const JournalCut record{partition.name, partition.queue.front().record.offset};
  return std::find(entry_->topology.begin(), entry_->topology.end(), record) !=
         entry_->topology.end();
}

IntakePartition* Retelling::NextToLoad(const Intake& intake) const {
  for (const JournalCut& cut : entry_->cuts) {
    IntakePartition* const partition = intake.Find(cut.partition.topic, cut.partition.partition);
    if (Waits(partition, cut) && partition->role != TopicRole::kData && !Named(*partition)) {
      return partition;
    }
  }
  return nullptr;
}

bool Retelling::Loaded(const Intake& intake) const {
  return std::all_of(entry_->cuts.begin(), entry_->cuts.end(), [&](const JournalCut& cut) {
    const IntakePartition* const partition =
        intake.Find(cut.partition.topic, cut.partition.partition);
    return partition != nullptr &&
           (partition->role == TopicRole::kData || Applied(*partition, cut.next_offset) ||
            (Waits(partition, cut) && Named(*partition)));
  });
}

IntakePartition* Retelling::Next(const Intake& intake) const {
  for (const JournalCut& cut : entry_->cuts) {
    IntakePartition* const partition = intake.Find(cut.partition.topic, cut.partition.partition);
    if (Waits(partition, cut)) {
      return partition;
    }
  }
  return nullptr;
}

absl::StatusOr<bool> Retelling::Complete(const Intake& intake) const {
  for (const JournalCut& cut : entry_->cuts) {
    const IntakePartition* const partition =
        intake.Find(cut.partition.topic, cut.partition.partition);
    if (partition != nullptr && Applied(*partition, cut.next_offset)) {
      continue;
    }
    const bool over =
        partition == nullptr ? intake.finished() : partition->finished && partition->queue.empty();
    if (over) {
      return absl::DataLossError(fmt::format(
          "journal {}: {}/{} had been read up to offset {} when the tick {} closed; the input {}",
          path_, cut.partition.topic, cut.partition.partition, cut.next_offset,
          FormatRfc3339(entry_->tick),
          partition == nullptr ? "has no such partition"
                               : fmt::format("ends at {}", partition->cut.applied().value_or(0))));
    }
    return false;
  }
  return true;
}

absl::Status Retelling::Advance() { return Read(); }

}  // namespace rootnote
