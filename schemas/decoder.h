// Bytes of one record → samples, events, topology changes.
//
// A decoder is single-threaded and reused; one per decode worker. It never throws, never keeps a
// view of the payload, never recurses on input. Numbers are exact (TRAPS: simdjson 3.0.1 is not).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/base/status.h"
#include "schemas/base/time.h"
#include "schemas/schema.h"

namespace rootnote {

enum class DecodeError : uint8_t {
  kEmpty,          // nothing but white space
  kBadJson,        // not JSON: broken, truncated, trailing garbage
  kBadUtf8,        // invalid UTF-8
  kTooDeep,        // nested deeper than 16
  kTooLarge,       // payload or number of points above the limit
  kUnknownKey,     // own JSON: a key that is not in the format
  kMissingKey,     // a required key is absent
  kWrongType,      // a value of another type than the key requires
  kBadNumber,      // number outside double, 64-bit count that would wrap, unknown word
  kBadTime,        // time that cannot be read, or absent where none can be assumed
  kBadName,        // empty metric name, `__name__` that differs, bad label or entity name
  kDuplicateKey,   // a key or label twice in one object
  kUnknownFormat,  // probing found no format
};
// "bad_json": stable, used in metrics and headers.
std::string_view ErrorName(DecodeError error);

// Where and why a record could not be decoded; becomes the dead letter's headers.
struct DecodeFailure {
  DecodeError error = DecodeError::kBadJson;
  std::string detail;   // "unknown key \"vlaue\", did you mean \"value\"?"
  std::string pointer;  // JSON pointer to the offending value, "" for the document
  size_t byte_offset = 0;
};

struct DecodeContext {
  std::optional<EventTime> record_time;  // the record's own; in a file: the last time seen
  std::string_view key;                  // topology: a null value deletes what the key names
  bool tombstone = false;                // the value was null
};

struct DecodeLimits {
  size_t payload_bytes_max = 4U << 20;
  size_t points_max = 50'000;
};

class Decoder {
 public:
  virtual ~Decoder() = default;

  // The format's id in metrics and dead letters: "rootnote-json", "telegraf-json", "probe".
  virtual std::string_view format() const = 0;

  // Appends what `payload` holds to `out`; on failure appends nothing.
  // The payload needs no padding: decoders copy it into a padded arena of their own.
  [[nodiscard]] virtual std::optional<DecodeFailure> Decode(std::string_view payload,
                                                            const DecodeContext& context,
                                                            Decoded& out) = 0;
};

// `format` is "rootnote-json", "telegraf-json", or "auto": own JSON if the first key of the first
// object says so, else Telegraf's keys, decided per record. NotFound names the known formats.
absl::StatusOr<std::unique_ptr<Decoder>> MakeDecoder(std::string_view format,
                                                     const DecodeLimits& limits = {});
std::vector<std::string> KnownFormats();

}  // namespace rootnote
