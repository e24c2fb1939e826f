// A payload → its objects, one after the other: an object, an array of objects, or one object a
// line; white space, LF, CRLF and a byte order mark around them. The only user of simdjson, with
// all that simdjson 3.0.1 does not check by itself (long numbers, depth, skipped values, what
// follows the document) checked here.
// Thread: one at a time. Memory is kept from payload to payload.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

#include "schemas/decoder.h"
#include "schemas/json_tree.h"

namespace rootnote {

class JsonReader {
 public:
  explicit JsonReader(const DecodeLimits& limits);
  ~JsonReader();

  // Begins with a payload, copied into a padded arena. kTooLarge, kEmpty, or what Next may say.
  [[nodiscard]] std::optional<DecodeFailure> Open(std::string_view payload);

  // The next object; nullptr at the end, or when failure() says why there is none.
  const JsonTree* Next();
  const std::optional<DecodeFailure>& failure() const;

 private:
  class Walk;
  std::unique_ptr<Walk> walk_;
};

}  // namespace rootnote
