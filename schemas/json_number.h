// JSON number tokens → doubles, always correctly rounded. We read them ourselves: simdjson 3.0.1
// returns wrong doubles, without an error, for long tokens of the form 0.xxxx.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace rootnote {

enum class NumberError : uint8_t {
  kGrammar,     // not a JSON number: "+1", "00", "1.", "0x1"
  kOutOfRange,  // larger than any double
  kInexact,     // a 64-bit count of 2^63 or more that no double holds: it would be another number
};

struct JsonNumber {
  double value = 0;
  std::optional<NumberError> error;
};

// `token` is one whole token without white space around it. Smaller than any double is 0 (or -0).
// Whole numbers from 2^63 on, written with more than 17 significant digits, must be exact.
JsonNumber ParseJsonNumber(std::string_view token);

// Bytes from the front that are one JSON number; 0 if there is none.
size_t JsonNumberLength(std::string_view text);

// The token as a 64-bit integer; nullopt unless it is one: no fraction, no exponent.
std::optional<int64_t> ParseJsonInteger(std::string_view token);

}  // namespace rootnote
