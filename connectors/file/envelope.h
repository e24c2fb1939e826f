// One line of `kcat -J`:
// {"topic","partition","offset","tstype","ts","broker","headers":[k,v,…],"key", "payload"}. Private
// to connectors/file.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "connectors/file/line_input.h"
#include "connectors/record.h"
#include "schemas/base/status.h"

namespace rootnote {

struct EnvelopeLine {
  std::string_view topic;
  int32_t partition = 0;
  std::optional<int64_t> offset;
  std::optional<EventTime> time;
  std::optional<std::string_view> key, payload;
  std::vector<HeaderView> headers;
};

class EnvelopeParser {
 public:
  EnvelopeParser();
  ~EnvelopeParser();

  // Unescapes inside the line: the views point into it, and live as long as its owner.
  // InvalidArgument says what is wrong, without the place.
  absl::Status Parse(Line& line, EnvelopeLine& to);

 private:
  struct Memory;
  std::unique_ptr<Memory> memory_;
};

// The same line as a text, with its line end: what FileSink writes for dead letters. A payload that
// is not UTF-8 is written in base64 as "payload_base64", which Parse reads too.
struct EnvelopeText {
  std::string_view topic;
  int32_t partition = 0;
  int64_t offset = 0;
  std::optional<EventTime> time;
};
void AppendEnvelope(const EnvelopeText& position, const OutputRecord& record, std::string& to);

}  // namespace rootnote
