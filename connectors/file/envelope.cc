#include "connectors/file/envelope.h"

#include <limits>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "rapidjson/error/en.h"
#include "rapidjson/reader.h"
#include "rapidjson/stringbuffer.h"
#include "rapidjson/writer.h"

namespace rootnote {
namespace {

using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string ToBase64(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    const size_t count = std::min<size_t>(3, bytes.size() - i);
    for (size_t j = 0; j < 3; ++j) {
      group = group << 8 | (j < count ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    }
    for (size_t j = 0; j < 4; ++j) {
      text += j <= count ? kBase64[group >> (18 - 6 * j) & 63U] : '=';
    }
  }
  return text;
}

// Unpacks in place; the result is never longer than the text.
std::optional<size_t> FromBase64(char* text, size_t size) {
  size_t out = 0;
  uint32_t group = 0;
  size_t digits = 0;
  while (size > 0 && text[size - 1] == '=') {
    --size;
  }
  for (size_t i = 0; i < size; ++i) {
    const size_t digit = kBase64.find(text[i]);
    if (digit == std::string_view::npos) {
      return std::nullopt;
    }
    group = group << 6 | static_cast<uint32_t>(digit);
    if (++digits % 4 != 1) {
      const size_t shift = 6 - 2 * ((digits - 1) % 4);
      text[out++] = static_cast<char>(group >> shift & 255U);
    }
  }
  return digits % 4 == 1 ? std::nullopt : std::optional<size_t>(out);
}

// Fills an EnvelopeLine while RapidJSON reads; unknown members are passed over. Returning false
// ends the reading, and `wrong` says why. The depth is bounded, for RapidJSON's reader recurses.
class EnvelopeReader {
 public:
  using Ch = char;

  explicit EnvelopeReader(EnvelopeLine& to) : to_(to) {}

  const std::string& wrong() const { return wrong_; }
  bool timed() const { return timed_; }
  bool object() const { return object_; }

  bool StartObject() { return Open(false); }
  bool StartArray() { return Open(true); }
  bool EndObject(rapidjson::SizeType) { return Shut(); }
  bool EndArray(rapidjson::SizeType) {
    const bool whole = !InHeaders() || to_.headers.size() * 2 == header_parts_;
    return whole ? Shut() : Refuse("a list of names and values in turn");
  }

  bool Key(const char* text, rapidjson::SizeType size, bool) {
    if (depth_ == 1) {
      name_ = {text, size};
      member_ = MemberOf(name_);
    }
    return true;
  }
  bool String(const char* text, rapidjson::SizeType size, bool) {
    const std::string_view view(text, size);
    return InHeaders() ? AddHeader(view) : depth_ != 1 || TakeText(view);
  }
  bool Null() {
    if (InHeaders()) {
      return AddHeader(std::nullopt);
    }
    switch (depth_ == 1 ? member_ : Member::kOther) {
      case Member::kKey:
      case Member::kPayload:
      case Member::kHeaders:
      case Member::kOther:
        return true;
      default:
        return Refuse(Wanted());
    }
  }
  bool Bool(bool) { return Other(); }
  bool Int(int number) { return Int64(number); }
  bool Uint(unsigned number) { return Int64(number); }
  bool Int64(int64_t number) { return InHeaders() ? Other() : depth_ != 1 || TakeNumber(number); }
  bool Uint64(uint64_t number) {
    constexpr auto kMax = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
    return number > kMax ? Other() : Int64(static_cast<int64_t>(number));
  }
  bool Double(double) { return Other(); }
  bool RawNumber(const char*, rapidjson::SizeType, bool) { return Other(); }

 private:
  enum class Member : uint8_t {
    kOther,
    kTopic,
    kPartition,
    kOffset,
    kTime,
    kTimeType,
    kHeaders,
    kKey,
    kPayload,
    kKeyBase64,
    kPayloadBase64,
  };

  static Member MemberOf(std::string_view name) {
    constexpr std::pair<std::string_view, Member> kMembers[] = {
        {"topic", Member::kTopic},
        {"partition", Member::kPartition},
        {"offset", Member::kOffset},
        {"ts", Member::kTime},
        {"tstype", Member::kTimeType},
        {"headers", Member::kHeaders},
        {"key", Member::kKey},
        {"payload", Member::kPayload},
        {"key_base64", Member::kKeyBase64},
        {"payload_base64", Member::kPayloadBase64}};
    for (const auto& [text, member] : kMembers) {
      if (text == name) {
        return member;
      }
    }
    return Member::kOther;
  }

  std::string_view Wanted() const {
    switch (member_) {
      case Member::kTopic:
        return "the name of a topic";
      case Member::kPartition:
        return "a partition number";
      case Member::kOffset:
        return "an offset";
      case Member::kTime:
        return "milliseconds since 1970";
      case Member::kHeaders:
        return "a list of names and values in turn";
      case Member::kKeyBase64:
      case Member::kPayloadBase64:
        return "a text in base64";
      default:
        return "a text";
    }
  }
  bool Refuse(std::string_view wanted) {
    wrong_ = fmt::format("\"{}\" is not {}", name_, wanted);
    return false;
  }

  // A value that no member of ours may have.
  bool Other() { return (depth_ == 1 && member_ == Member::kOther) || Deep() || Refuse(Wanted()); }
  bool Deep() const { return depth_ > 1 && member_ == Member::kOther; }
  bool InHeaders() const { return depth_ == 2 && member_ == Member::kHeaders; }

  bool Open(bool array) {
    if (depth_ == 0) {
      object_ = !array;
      ++depth_;
      return object_;
    }
    const bool headers = array && depth_ == 1 && member_ == Member::kHeaders;
    if (member_ != Member::kOther && !headers) {
      return Refuse(Wanted());
    }
    if (++depth_ > kDepthMax) {
      wrong_ = fmt::format("\"{}\" is nested more than {} deep", name_, kDepthMax);
      return false;
    }
    return true;
  }
  bool Shut() {
    --depth_;
    return true;
  }

  bool AddHeader(std::optional<std::string_view> text) {
    if (header_parts_++ % 2 != 0) {
      to_.headers.back().value = text;
      return true;
    }
    to_.headers.push_back({text.value_or(std::string_view()), std::nullopt});
    return text ? true : Refuse(Wanted());
  }

  bool TakeText(std::string_view text) {
    switch (member_) {
      case Member::kTopic:
        to_.topic = text;
        return !text.empty() || Refuse(Wanted());
      case Member::kTimeType:
        timed_ = text != "unknown";
        return true;
      case Member::kKey:
        to_.key = text;
        return true;
      case Member::kPayload:
        to_.payload = text;
        return true;
      case Member::kKeyBase64:
        return Unpack(text, to_.key);
      case Member::kPayloadBase64:
        return Unpack(text, to_.payload);
      case Member::kOther:
        return true;
      default:
        return Refuse(Wanted());
    }
  }
  bool Unpack(std::string_view text, std::optional<std::string_view>& to) {
    // The text lies in the line, which is ours to overwrite.
    char* bytes = const_cast<char*>(text.data());
    const std::optional<size_t> size = FromBase64(bytes, text.size());
    to = std::string_view(bytes, size.value_or(0));
    return size.has_value() || Refuse(Wanted());
  }

  bool TakeNumber(int64_t number) {
    switch (member_) {
      case Member::kPartition:
        to_.partition = static_cast<int32_t>(number);
        return (number >= 0 && number <= std::numeric_limits<int32_t>::max()) || Refuse(Wanted());
      case Member::kOffset:
        to_.offset = number;
        return number >= 0 || Refuse(Wanted());
      case Member::kTime:
        to_.time = FromMillis(number);
        return true;
      default:
        return Other();
    }
  }

  static constexpr int kDepthMax = 64;

  EnvelopeLine& to_;
  std::string wrong_;
  std::string_view name_;
  Member member_ = Member::kOther;
  size_t header_parts_ = 0;
  int depth_ = 0;
  bool timed_ = true;
  bool object_ = false;
};

// Where RapidJSON's check of UTF-8 writes what it has read.
struct Nowhere {
  using Ch = char;
  void Put(Ch) {}
};

bool IsUtf8(std::string_view text) {
  rapidjson::MemoryStream in(text.data(), text.size());
  Nowhere out;
  while (in.Tell() < text.size()) {
    if (!rapidjson::UTF8<>::Validate(in, out)) {
      return false;
    }
  }
  return true;
}

void WriteText(Writer& writer, std::string_view text) {
  writer.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}

void WriteMember(Writer& writer, const char* name, const std::optional<std::string>& text) {
  if (!text) {
    writer.Key(name);
    writer.Null();
  } else if (IsUtf8(*text)) {
    writer.Key(name);
    WriteText(writer, *text);
  } else {
    writer.Key(fmt::format("{}_base64", name).c_str());
    WriteText(writer, ToBase64(*text));
  }
}

}  // namespace

struct EnvelopeParser::Memory {
  rapidjson::Reader reader;  // keeps its stack
};

EnvelopeParser::EnvelopeParser() : memory_(std::make_unique<Memory>()) {}
EnvelopeParser::~EnvelopeParser() = default;

absl::Status EnvelopeParser::Parse(Line& line, EnvelopeLine& to) {
  line.text[line.size] = '\0';
  to.topic = {};
  to.partition = 0;
  to.offset.reset();
  to.time.reset();
  to.key.reset();
  to.payload.reset();
  to.headers.clear();
  EnvelopeReader reader(to);
  rapidjson::InsituStringStream text(line.text);
  const auto result = memory_->reader.Parse<rapidjson::kParseInsituFlag>(text, reader);
  if (!reader.wrong().empty()) {
    return absl::InvalidArgumentError(reader.wrong());
  }
  if (result.IsError() && result.Code() != rapidjson::kParseErrorTermination) {
    return absl::InvalidArgumentError(fmt::format("not JSON at byte {}: {}", result.Offset(),
                                                  rapidjson::GetParseError_En(result.Code())));
  }
  if (!reader.object()) {
    return absl::InvalidArgumentError("not a JSON object");
  }
  if (!reader.timed()) {
    to.time.reset();
  }
  return to.topic.empty() ? absl::InvalidArgumentError("no \"topic\"") : absl::OkStatus();
}

void AppendEnvelope(const EnvelopeText& position, const OutputRecord& record, std::string& to) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  writer.StartObject();
  writer.Key("topic");
  WriteText(writer, position.topic);
  writer.Key("partition");
  writer.Int(position.partition);
  writer.Key("offset");
  writer.Int64(position.offset);
  if (position.time) {
    writer.Key("tstype");
    writer.String("create");
    writer.Key("ts");
    writer.Int64(ToMillis(*position.time));
  }
  writer.Key("headers");
  writer.StartArray();
  for (const auto& [name, value] : record.headers) {
    WriteText(writer, name);
    if (!value) {
      writer.Null();
    } else {
      WriteText(writer, IsUtf8(*value) ? *value : ToBase64(*value));
    }
  }
  writer.EndArray();
  WriteMember(writer, "key", record.key);
  WriteMember(writer, "payload", record.value);
  writer.EndObject();
  to.append(buffer.GetString(), buffer.GetSize());
  to += '\n';
}

}  // namespace rootnote
