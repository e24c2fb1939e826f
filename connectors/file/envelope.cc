#include "connectors/file/envelope.h"

#include <array>
#include <cstring>
#include <vector>

#include "fmt/format.h"
#include "rapidjson/document.h"
#include "rapidjson/error/en.h"
#include "rapidjson/stringbuffer.h"
#include "rapidjson/writer.h"

namespace rootnote {
namespace {

using Value = rapidjson::Value;
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

std::string_view View(const Value& value) { return {value.GetString(), value.GetStringLength()}; }

bool ReadText(const Value& value, std::optional<std::string_view>& to) {
  if (value.IsNull()) {
    to.reset();
    return true;
  }
  if (value.IsString()) {
    to = View(value);
    return true;
  }
  return false;
}

bool ReadHeaders(const Value& value, std::vector<HeaderView>& to) {
  if (value.IsNull()) {
    return true;
  }
  if (!value.IsArray() || value.Size() % 2 != 0) {
    return false;
  }
  for (rapidjson::SizeType i = 0; i < value.Size(); i += 2) {
    HeaderView header;
    if (!value[i].IsString() || !ReadText(value[i + 1], header.value)) {
      return false;
    }
    header.key = View(value[i]);
    to.push_back(header);
  }
  return true;
}

bool ReadPacked(Value& value, std::optional<std::string_view>& to) {
  if (!value.IsString()) {
    return false;
  }
  // The text lies in the line, which is ours to overwrite.
  char* text = const_cast<char*>(value.GetString());
  const std::optional<size_t> size = FromBase64(text, value.GetStringLength());
  if (size) {
    to = std::string_view(text, *size);
  }
  return size.has_value();
}

// Empty when the member is in order; else what it should have been.
std::string_view ReadMember(std::string_view name, Value& value, EnvelopeLine& to) {
  if (name == "topic") {
    to.topic = value.IsString() ? View(value) : std::string_view();
    return to.topic.empty() ? "the name of a topic" : "";
  }
  if (name == "partition") {
    to.partition = value.IsInt() ? value.GetInt() : -1;
    return to.partition < 0 ? "a partition number" : "";
  }
  if (name == "offset") {
    if (!value.IsInt64() || value.GetInt64() < 0) {
      return "an offset";
    }
    to.offset = value.GetInt64();
  } else if (name == "ts") {
    if (!value.IsInt64()) {
      return "milliseconds since 1970";
    }
    to.time = FromMillis(value.GetInt64());
  } else if (name == "headers") {
    return ReadHeaders(value, to.headers) ? "" : "a list of names and values in turn";
  } else if (name == "key") {
    return ReadText(value, to.key) ? "" : "a text or null";
  } else if (name == "payload") {
    return ReadText(value, to.payload) ? "" : "a text or null";
  } else if (name == "payload_base64" || name == "key_base64") {
    return ReadPacked(value, name[0] == 'k' ? to.key : to.payload) ? "" : "a text in base64";
  }
  return "";
}

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
  std::array<char, 16384> first;
  rapidjson::MemoryPoolAllocator<> pool{first.data(), first.size()};
};

EnvelopeParser::EnvelopeParser() : memory_(std::make_unique<Memory>()) {}
EnvelopeParser::~EnvelopeParser() = default;

absl::Status EnvelopeParser::Parse(Line& line, EnvelopeLine& to) {
  line.text[line.size] = '\0';
  memory_->pool.Clear();
  rapidjson::Document document(&memory_->pool);
  // Iterative: the depth of the input must not become the depth of our stack.
  document.ParseInsitu<rapidjson::kParseIterativeFlag>(line.text);
  if (document.HasParseError()) {
    return absl::InvalidArgumentError(
        fmt::format("not JSON at byte {}: {}", document.GetErrorOffset(),
                    rapidjson::GetParseError_En(document.GetParseError())));
  }
  if (!document.IsObject()) {
    return absl::InvalidArgumentError("not a JSON object");
  }
  to.topic = {};
  to.partition = 0;
  to.offset.reset();
  to.time.reset();
  to.key.reset();
  to.payload.reset();
  to.headers.clear();
  bool timed = true;
  for (auto& member : document.GetObject()) {
    const std::string_view name = View(member.name);
    if (name == "tstype") {
      timed = member.value.IsString() && View(member.value) != "unknown";
      continue;
    }
    const std::string_view wanted = ReadMember(name, member.value, to);
    if (!wanted.empty()) {
      return absl::InvalidArgumentError(fmt::format("\"{}\" is not {}", name, wanted));
    }
  }
  if (!timed) {
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
