// A run told again: a journal says which records had arrived when each tick closed, so that the
// same input gives the same incidents, to the byte, though no wall clock stands beside it. What it
// does not say, because it decides no incident, is the order in which records of different
// partitions arrived within one tick. Thread: one at a time.
#pragma once

#include <optional>
#include <string>

#include "engine/intake.h"
#include "engine/journal.h"
#include "schemas/base/status.h"

namespace rootnote {

class Retelling {
 public:
  // NotFound, DataLoss with the line; InvalidArgument: it holds several terms, or one that went on
  // from a former one, which a journal alone cannot tell.
  absl::Status Open(const std::string& path);
  bool is_open() const { return reader_.has_value(); }

  // The tick that closes next; null at the journal's end.
  const JournalEntry* entry() const { return entry_ ? &*entry_ : nullptr; }
  // A partition with a record of the map as it was before anything else was read: topology records
  // that the first tick does not name. Null if none waits.
  IntakePartition* NextToLoad(const Intake& intake) const;
  bool Loaded(const Intake& intake) const;
  // A partition with a record that had arrived before that tick closed; null if none waits.
  IntakePartition* Next(const Intake& intake) const;
  // All records that had arrived are applied. DataLoss: the input ends before.
  absl::StatusOr<bool> Complete(const Intake& intake) const;
  absl::Status Advance();

 private:
  absl::Status Read();
  bool Named(const IntakePartition& partition) const;

  std::string path_;
  std::optional<JournalReader> reader_;
  std::optional<JournalEntry> entry_;
};

}  // namespace rootnote
