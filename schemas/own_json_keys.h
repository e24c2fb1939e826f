// The keys of Rootnote's own JSON: which object is what, and which keys it may and must have.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "schemas/decoder.h"
#include "schemas/json_tree.h"

namespace rootnote {

// The first eight say what an object is.
enum class OwnKey : uint8_t {
  kMetric,
  kMetrics,
  kEvent,
  kEntity,
  kRelation,
  kSnapshot,
  kAcknowledge,
  kSilence,
  kLabels,
  kTime,
  kValue,
  kAttributes,
  kMessage,
  kId,
  kFrom,
  kTo,
  kDeleted,
  kSource,
  kEpoch,
  kBy,
  kComment,
  kUntil,
  kSignal,
  kCount
};

// One object, its members found by key. The tree has to outlive what is asked.
class OwnObject {
 public:
  // Finds out what the object is and where its members stand: kUnknownKey, with the key that may
  // have been meant, or kMissingKey.
  [[nodiscard]] std::optional<DecodeFailure> Sort(const JsonTree& tree);

  // One of the first eight keys.
  OwnKey kind() const { return kind_; }
  // The node of a member; 0, which is the object itself, when it is absent.
  size_t At(OwnKey key) const { return at_[static_cast<size_t>(key)]; }

  // The first member whose key says what the object is.
  static std::optional<size_t> FindKind(const JsonTree& tree);

 private:
  OwnKey kind_ = OwnKey::kMetric;
  std::array<size_t, static_cast<size_t>(OwnKey::kCount)> at_{};
};

}  // namespace rootnote
