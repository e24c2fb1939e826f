// Any bytes through every decoder: no crash, all or nothing, the same answer twice.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "schemas/base/check.h"
#include "schemas/decoder.h"

namespace rootnote {
namespace {

constexpr EventTime kRecordTime{Millis{1'795'331'836'117}};

std::vector<std::unique_ptr<Decoder>> AllDecoders() {
  // Small limits, so that short inputs reach them.
  const DecodeLimits limits{.payload_bytes_max = 4096, .points_max = 16};
  std::vector<std::unique_ptr<Decoder>> decoders;
  for (const std::string& format : KnownFormats()) {
    auto decoder = MakeDecoder(format, limits);
    CHECK(decoder.ok());
    decoders.push_back(*std::move(decoder));
  }
  return decoders;
}

void DecodeTwice(Decoder& decoder, std::string_view payload, const DecodeContext& context) {
  Decoded first;
  Decoded second;
  const std::optional<DecodeFailure> failure = decoder.Decode(payload, context, first);
  const std::optional<DecodeFailure> again = decoder.Decode(payload, context, second);
  CHECK(failure.has_value() == again.has_value());
  CHECK(first.samples.size() == second.samples.size());
  CHECK(first.events.size() == second.events.size());
  CHECK(first.changes.size() == second.changes.size());
  if (failure) {
    CHECK(failure->error == again->error);
    CHECK(first.samples.empty() && first.events.empty() && first.changes.empty());
    CHECK(!failure->detail.empty());
    CHECK(!ErrorName(failure->error).empty());
    CHECK(failure->byte_offset <= payload.size());
  }
}

}  // namespace
}  // namespace rootnote

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using rootnote::DecodeContext;
  static const auto decoders = rootnote::AllDecoders();
  // Exactly `size` bytes on the heap: a read past the end is found.
  const std::vector<char> copy(bytes, bytes + size);
  const std::string_view payload(copy.data(), copy.size());
  for (const auto& decoder : decoders) {
    rootnote::DecodeTwice(*decoder, payload, DecodeContext{});
    rootnote::DecodeTwice(*decoder, payload, DecodeContext{.record_time = rootnote::kRecordTime});
    // The same bytes as the key of a deletion.
    rootnote::DecodeTwice(*decoder, "", DecodeContext{.key = payload, .tombstone = true});
  }
  return 0;
}
