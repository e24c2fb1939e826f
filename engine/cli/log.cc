#include "engine/cli/log.h"

#include <algorithm>
#include <array>

#include "fmt/format.h"
#include "rapidjson/stringbuffer.h"
#include "rapidjson/writer.h"
#include "spdlog/sinks/stdout_sinks.h"
#include "spdlog/spdlog.h"

namespace rootnote {
namespace {

constexpr Millis kLimitedEvery{60'000};
constexpr size_t kCausesMax = 256;
constexpr size_t kMessageWidth = 44;  // where the fields begin in text
constexpr size_t kValueBytesMax = 4'096;
constexpr size_t kSecretBytesMin = 4;  // shorter ones would blot out ordinary words

constexpr std::array<std::string_view, 4> kNames = {"debug", "info", "warn", "error"};
constexpr std::array<std::string_view, 4> kColors = {"\x1b[2m", "\x1b[32m", "\x1b[33m", "\x1b[31m"};

// Milliseconds always: lines stay aligned, and sort as text.
std::string TimeText(EventTime time) {
  std::string text = FormatRfc3339(time);
  if (text.find('.') == std::string::npos) text.insert(text.size() - 1, ".000");
  return text;
}

// The length of the well-formed UTF-8 sequence at the beginning; 0 when there is none.
size_t SequenceLength(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const size_t length = byte(0) < 0x80             ? 1
                        : (byte(0) & 0xE0) == 0xC0 ? 2
                        : (byte(0) & 0xF0) == 0xE0 ? 3
                        : (byte(0) & 0xF8) == 0xF0 ? 4
                                                   : 0;
  if (length == 0 || length > text.size() || byte(0) == 0xC0 || byte(0) == 0xC1) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  return length;
}

// What names and librdkafka say may hold any bytes: a line must stay one line of UTF-8.
std::string Clean(std::string_view text) {
  std::string clean;
  const bool cut = text.size() > kValueBytesMax;
  text = text.substr(0, kValueBytesMax);
  while (!text.empty()) {
    const size_t length = SequenceLength(text);
    clean += length == 0 ? std::string_view("\xEF\xBF\xBD") : text.substr(0, length);
    text.remove_prefix(std::max<size_t>(1, length));
  }
  return cut ? clean + "…" : clean;
}

void AppendEscaped(std::string_view text, std::string& out) {
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
}

bool NeedsQuotes(std::string_view text) {
  return text.empty() || std::any_of(text.begin(), text.end(), [](char c) {
           return static_cast<unsigned char>(c) <= 0x20 || c == '"' || c == '=' || c == 0x7F;
         });
}

std::string PlainValue(const LogField& field) {
  if (const auto* text = std::get_if<std::string>(&field.value)) return Clean(*text);
  if (const auto* number = std::get_if<int64_t>(&field.value)) return fmt::to_string(*number);
  if (const auto* number = std::get_if<double>(&field.value)) return fmt::to_string(*number);
  return std::get<bool>(field.value) ? "true" : "false";
}

std::string TextLine(EventTime now, LogLevel level, std::string_view message,
                     const LogFields& fields, bool color) {
  const auto index = static_cast<size_t>(level);
  std::string line = fmt::format("{} {}{:<5}{} ", TimeText(now), color ? kColors[index] : "",
                                 kNames[index], color ? "\x1b[0m" : "");
  const size_t begin = line.size();
  for (const char c : Clean(message)) {
    line += c == '\n' || c == '\r' ? ' ' : c;
  }
  if (!fields.empty())
    line.append(kMessageWidth - std::min(kMessageWidth, line.size() - begin), ' ');
  for (const LogField& field : fields) {
    const std::string value = PlainValue(field);
    fmt::format_to(std::back_inserter(line), " {}{}={}", color ? "\x1b[2m" : "", field.key,
                   color ? "\x1b[0m" : "");
    if (NeedsQuotes(value)) line += '"';
    AppendEscaped(value, line);
    if (NeedsQuotes(value)) line += '"';
  }
  return line + "\n";
}

using JsonWriter = rapidjson::Writer<rapidjson::StringBuffer>;

void WriteText(JsonWriter& json, std::string_view text) {
  json.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}

std::string JsonLine(EventTime now, LogLevel level, std::string_view message,
                     const LogFields& fields) {
  rapidjson::StringBuffer buffer;
  JsonWriter json(buffer);
  json.StartObject();
  json.Key("ts");
  WriteText(json, TimeText(now));
  json.Key("level");
  WriteText(json, Name(level));
  json.Key("msg");
  WriteText(json, Clean(message));
  for (const LogField& field : fields) {
    json.Key(field.key.data(), static_cast<rapidjson::SizeType>(field.key.size()));
    if (const auto* number = std::get_if<int64_t>(&field.value)) {
      json.Int64(*number);
    } else if (const auto* truth = std::get_if<bool>(&field.value)) {
      json.Bool(*truth);
    } else if (const auto* real = std::get_if<double>(&field.value); real && *real - *real == 0) {
      json.Double(*real);
    } else {
      WriteText(json, PlainValue(field));  // also NaN and infinities, which JSON does not have
    }
  }
  json.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize()) + "\n";
}

// Numbers tell apart what has one cause: offsets, ports, counts, addresses.
std::string WithoutNumbers(std::string_view text) {
  std::string words;
  bool number = false;
  for (const char c : text) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit) words += c;
    if (digit && !number) words += '#';
    number = digit;
  }
  return words;
}

LogLevel LevelOf(int syslog) {
  return syslog <= 3   ? LogLevel::kError
         : syslog == 4 ? LogLevel::kWarn
         : syslog <= 6 ? LogLevel::kInfo
                       : LogLevel::kDebug;
}

}  // namespace

std::string_view Name(LogLevel level) { return kNames[static_cast<size_t>(level)]; }

// Makes lines and puts them out.
class Log::Lines {
 public:
  explicit Lines(LogOptions options) : options_(std::move(options)) {
    if (!options_.write) {
      logger_ = std::make_unique<spdlog::logger>("rootnote",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
      logger_->set_pattern("%v", spdlog::pattern_time_type::utc);
      logger_->set_level(spdlog::level::trace);
      logger_->flush_on(spdlog::level::trace);
    }
    SetSecrets(std::move(options_.secrets));
  }

  void SetSecrets(std::vector<std::string> secrets) {
    options_.secrets = std::move(secrets);
    // The longest first: one may be a part of another.
    std::sort(options_.secrets.begin(), options_.secrets.end(),
              [](const auto& a, const auto& b) { return a.size() > b.size(); });
  }

  void Write(EventTime now, LogLevel level, std::string_view message, const LogFields& fields) {
    const std::string hidden = Hidden(std::string(message));
    LogFields shown = fields;
    for (LogField& field : shown) {
      if (auto* text = std::get_if<std::string>(&field.value)) *text = Hidden(std::move(*text));
    }
    std::string line = options_.json ? JsonLine(now, level, hidden, shown)
                                     : TextLine(now, level, hidden, shown, options_.color);
    if (options_.write) return options_.write(line);
    line.pop_back();  // spdlog ends it
    logger_->log(spdlog::level::info, spdlog::string_view_t(line));
  }

 private:
  std::string Hidden(std::string text) const {
    for (const std::string& secret : options_.secrets) {
      if (secret.size() < kSecretBytesMin) continue;
      for (size_t at = 0; (at = text.find(secret, at)) != std::string::npos; at += 3) {
        text.replace(at, secret.size(), "***");
      }
    }
    return text;
  }

  LogOptions options_;
  std::unique_ptr<spdlog::logger> logger_;
};

Log::Log(LogOptions options)
    : level_(options.level),
      now_(options.now),
      lines_(std::make_unique<Lines>(std::move(options))) {}

Log::~Log() {
  const std::lock_guard lock(mutex_);
  SweepLocked(now_(), true);
}

void Log::Debug(std::string_view message, const LogFields& fields) {
  Write(LogLevel::kDebug, message, fields);
}
void Log::Info(std::string_view message, const LogFields& fields) {
  Write(LogLevel::kInfo, message, fields);
}
void Log::Warn(std::string_view message, const LogFields& fields) {
  Write(LogLevel::kWarn, message, fields);
}
void Log::Error(std::string_view message, const LogFields& fields) {
  Write(LogLevel::kError, message, fields);
}

void Log::Write(LogLevel level, std::string_view message, const LogFields& fields) {
  if (level < level_) return;
  const std::lock_guard lock(mutex_);
  const EventTime now = now_();
  SweepLocked(now, false);
  WriteLocked(now, level, message, fields);
}

void Log::WriteLocked(EventTime now, LogLevel level, std::string_view message,
                      const LogFields& fields) {
  lines_->Write(now, level, message, fields);
}

void Log::Limited(std::string_view cause, LogLevel level, std::string_view message,
                  const LogFields& fields) {
  if (level < level_) return;
  const std::lock_guard lock(mutex_);
  const EventTime now = now_();
  SweepLocked(now, false);
  const auto known = causes_.find(cause);
  if (known != causes_.end() && now - known->second.said < kLimitedEvery) {
    ++known->second.suppressed;
    known->second.last = now;
    known->second.message = message;
    known->second.fields = fields;
    return;
  }
  if (known == causes_.end() && causes_.size() >= kCausesMax) {
    const auto oldest = std::min_element(
        causes_.begin(), causes_.end(),
        [](const auto& a, const auto& b) { return a.second.last < b.second.last; });
    if (oldest->second.suppressed > 0) {
      WriteSuppressedLocked(now, oldest->second);
    }
    causes_.erase(oldest);
  }
  causes_[std::string(cause)] = {.said = now, .last = now, .level = level};
  WriteLocked(now, level, message, fields);
}

// The last of them stands for all.
void Log::WriteSuppressedLocked(EventTime now, Cause& cause) {
  cause.fields.emplace_back("suppressed", cause.suppressed);
  WriteLocked(now, cause.level, cause.message, cause.fields);
  cause.fields.clear();
  cause.suppressed = 0;
  cause.said = now;
}

// Causes whose minute is over: what was suppressed is said once, the cause is forgotten.
void Log::SweepLocked(EventTime now, bool all) {
  for (auto cause = causes_.begin(); cause != causes_.end();) {
    Cause& one = cause->second;
    if (!all && now - one.said < kLimitedEvery) {
      ++cause;
      continue;
    }
    if (one.suppressed == 0) {
      cause = causes_.erase(cause);
      continue;
    }
    WriteSuppressedLocked(now, one);
    ++cause;
  }
}

void Log::Kafka(const KafkaLog& line) {
  // librdkafka counts repetitions itself; that makes no other cause of them.
  std::string words = WithoutNumbers(line.message);
  constexpr std::string_view kRepeated = ", # identical error(s) suppressed";
  if (const size_t at = words.find(kRepeated); at != std::string::npos) {
    words.erase(at, kRepeated.size());
  }
  Limited(fmt::format("{} {} {}", line.level, line.facility, words), LevelOf(line.level),
          line.message, {{"from", "kafka"}, {"facility", line.facility}});
}

void Log::SetSecrets(std::vector<std::string> secrets) {
  const std::lock_guard lock(mutex_);
  lines_->SetSecrets(std::move(secrets));
}

LogFields IncidentFields(const Incident& incident) {
  return {{"id", incident.id},
          {"revision", incident.revision},
          {"state", rootnote::Name(incident.state)},
          {"reason", incident.reason},
          {"severity", rootnote::Name(incident.severity)},
          {"root", incident.root.empty() ? "" : incident.root[0].entity},
          {"title", incident.title}};
}

bool LogsAsJson(std::string_view format, bool terminal) {
  return format == "json" || (format != "text" && !terminal);
}

LogLevel LogLevelNamed(std::string_view name) {
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  return found == kNames.end() ? LogLevel::kInfo : static_cast<LogLevel>(found - kNames.begin());
}

}  // namespace rootnote
