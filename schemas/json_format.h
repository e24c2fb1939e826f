// One JSON format: how an object of a record maps onto samples, events and topology changes.
// Formats never see bytes: reading and its guards are JsonReader's.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/decoder.h"
#include "schemas/json_tree.h"
#include "schemas/schema.h"

namespace rootnote {

class JsonFormat {
 public:
  virtual ~JsonFormat() = default;

  virtual std::string_view name() const = 0;

  // Whether the keys of the object are this format's.
  virtual bool Recognises(const JsonTree& tree) const = 0;

  // Appends what the object holds. May append before it fails: the decoder takes that back.
  virtual std::optional<DecodeFailure> Map(const JsonTree& tree, const DecodeContext& context,
                                           Decoded& out) = 0;

  // A record with a null value.
  virtual std::optional<DecodeFailure> MapTombstone(const DecodeContext& context, Decoded& out) = 0;
};

std::unique_ptr<JsonFormat> MakeOwnJson();

// The unit of `timestamp`, as Telegraf's json_timestamp_units.
enum class TimeUnit : uint8_t { kSeconds, kMillis, kMicros, kNanos };
std::unique_ptr<JsonFormat> MakeTelegrafJson(std::string_view name, TimeUnit unit);

// What the formats share.

// A failure at a node: its pointer, and the offset of its value.
DecodeFailure FailAt(const JsonTree& tree, size_t node, DecodeError error, std::string detail);
// kWrongType: "labels: an object expected, not a string".
DecodeFailure FailType(const JsonTree& tree, size_t node, std::string_view expected);
// A failure at a member's key.
DecodeFailure FailAtKey(const JsonTree& tree, size_t node, DecodeError error, std::string detail);

// kBadNumber in words, for a number node with a number_error.
DecodeFailure FailNumber(const JsonTree& tree, size_t node);

// Not empty and free of control characters, as names of metrics, events and labels must be.
bool IsPlainName(std::string_view name);

// Only years 0 to 9999 are times: beyond, arithmetic on them could overflow.
bool IsPlausible(int64_t ms);

// The zero time of Go, which stands for "none".
inline constexpr int64_t kZeroTimeMs = -62'135'596'800'000;

}  // namespace rootnote
