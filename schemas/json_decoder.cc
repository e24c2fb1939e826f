// The decoders of the JSON formats: read a payload object by object, map each, all or nothing.
#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "fmt/format.h"

#include "schemas/decoder.h"
#include "schemas/json_format.h"
#include "schemas/json_reader.h"
#include "schemas/json_syntax.h"

namespace rootnote {
namespace {

constexpr std::string_view kProbe = "probe";
constexpr std::string_view kOwnJson = "rootnote-json";

struct TelegrafFormat {
  std::string_view name;
  TimeUnit unit;
};
constexpr std::array<TelegrafFormat, 4> kTelegrafFormats = {
    {{"telegraf-json", TimeUnit::kSeconds},
     {"telegraf-json-ms", TimeUnit::kMillis},
     {"telegraf-json-us", TimeUnit::kMicros},
     {"telegraf-json-ns", TimeUnit::kNanos}}};

// How much there was before a record, so that a record that fails leaves nothing behind.
struct Mark {
  size_t samples, events, changes, controls;
  uint32_t samples_null;

  explicit Mark(const Decoded& out)
      : samples(out.samples.size()),
        events(out.events.size()),
        changes(out.changes.size()),
        controls(out.controls.size()),
        samples_null(out.samples_null) {}

  size_t PointsSince(const Decoded& out) const {
    return out.samples.size() - samples + out.events.size() - events + out.changes.size() -
           changes + out.controls.size() - controls;
  }

  void Restore(Decoded& out) const {
    out.samples.erase(out.samples.begin() + static_cast<ptrdiff_t>(samples), out.samples.end());
    out.events.erase(out.events.begin() + static_cast<ptrdiff_t>(events), out.events.end());
    out.changes.erase(out.changes.begin() + static_cast<ptrdiff_t>(changes), out.changes.end());
    out.controls.erase(out.controls.begin() + static_cast<ptrdiff_t>(controls), out.controls.end());
    out.samples_null = samples_null;
  }
};

class JsonDecoder : public Decoder {
 public:
  // With several formats the first object of a record decides which one is meant.
  JsonDecoder(std::vector<std::unique_ptr<JsonFormat>> formats, const DecodeLimits& limits)
      : formats_(std::move(formats)), limits_(limits), reader_(limits) {
    if (formats_.size() == 1) {
      chosen_ = formats_.front().get();
    }
  }

  std::string_view format() const override { return chosen_ != nullptr ? chosen_->name() : kProbe; }

  std::optional<DecodeFailure> Decode(std::string_view payload, const DecodeContext& context,
                                      Decoded& out) override {
    if (formats_.size() > 1) {
      chosen_ = nullptr;
    }
    const Mark mark(out);
    std::optional<DecodeFailure> failure = context.tombstone
                                               ? formats_.front()->MapTombstone(context, out)
                                               : DecodeObjects(payload, context, mark, out);
    if (failure) {
      mark.Restore(out);
    }
    return failure;
  }

 private:
  std::optional<DecodeFailure> DecodeObjects(std::string_view payload, const DecodeContext& context,
                                             const Mark& mark, Decoded& out) {
    if (std::optional<DecodeFailure> failure = reader_.Open(payload)) {
      return failure;
    }
    while (const JsonTree* tree = reader_.Next()) {
      if (chosen_ == nullptr && !Choose(*tree)) {
        return FailAt(*tree, 0, DecodeError::kUnknownFormat, NameKeys(*tree));
      }
      if (std::optional<DecodeFailure> failure = chosen_->Map(*tree, context, out)) {
        return failure;
      }
      if (mark.PointsSince(out) > limits_.points_max) {
        return FailAt(*tree, 0, DecodeError::kTooLarge,
                      fmt::format("more than {} points in one record", limits_.points_max));
      }
    }
    return reader_.failure();
  }

  bool Choose(const JsonTree& tree) {
    for (const std::unique_ptr<JsonFormat>& format : formats_) {
      if (format->Recognises(tree)) {
        chosen_ = format.get();
        return true;
      }
    }
    return false;
  }

  static std::string NameKeys(const JsonTree& tree) {
    constexpr size_t kKeysNamed = 5;
    std::string keys;
    size_t named = 0;
    for (size_t i = tree.First(0); i != tree.End(0) && named < kKeysNamed; i = tree.Next(i)) {
      keys += fmt::format("{}\"{}\"", named++ == 0 ? "" : ", ", Shown(tree[i].key));
    }
    return keys.empty() ? "no format is an empty object" : "no format has the keys " + keys;
  }

  std::vector<std::unique_ptr<JsonFormat>> formats_;
  DecodeLimits limits_;
  JsonReader reader_;
  JsonFormat* chosen_ = nullptr;
};

}  // namespace

std::string_view ErrorName(DecodeError error) {
  switch (error) {
    case DecodeError::kEmpty:
      return "empty";
    case DecodeError::kBadJson:
      return "bad_json";
    case DecodeError::kBadUtf8:
      return "bad_utf8";
    case DecodeError::kTooDeep:
      return "too_deep";
    case DecodeError::kTooLarge:
      return "too_large";
    case DecodeError::kUnknownKey:
      return "unknown_key";
    case DecodeError::kMissingKey:
      return "missing_key";
    case DecodeError::kWrongType:
      return "wrong_type";
    case DecodeError::kBadNumber:
      return "bad_number";
    case DecodeError::kBadTime:
      return "bad_time";
    case DecodeError::kBadName:
      return "bad_name";
    case DecodeError::kDuplicateKey:
      return "duplicate_key";
    case DecodeError::kUnknownFormat:
      return "unknown_format";
  }
  return "unknown";
}

std::vector<std::string> KnownFormats() {
  std::vector<std::string> names = {"auto", std::string(kOwnJson)};
  for (const TelegrafFormat& format : kTelegrafFormats) {
    names.emplace_back(format.name);
  }
  return names;
}

absl::StatusOr<std::unique_ptr<Decoder>> MakeDecoder(std::string_view format,
                                                     const DecodeLimits& limits) {
  std::vector<std::unique_ptr<JsonFormat>> formats;
  if (format == "auto" || format == kOwnJson) {
    formats.push_back(MakeOwnJson());
  }
  for (const TelegrafFormat& known : kTelegrafFormats) {
    const bool probed = format == "auto" && known.unit == TimeUnit::kSeconds;
    if (format == known.name || probed) {
      formats.push_back(MakeTelegrafJson(known.name, known.unit));
    }
  }
  if (formats.empty()) {
    std::string known;
    for (const std::string& name : KnownFormats()) {
      known += known.empty() ? name : ", " + name;
    }
    return absl::NotFoundError(fmt::format("unknown format \"{}\"; known are {}", format, known));
  }
  return std::unique_ptr<Decoder>(std::make_unique<JsonDecoder>(std::move(formats), limits));
}

}  // namespace rootnote
