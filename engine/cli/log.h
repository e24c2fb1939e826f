// The log: one line per event that an operator acts on. Text on a terminal, else JSON lines
// (`ts`, `level`, `msg`, and the fields as members); what repeats is limited by its cause.
// Thread: any.
#pragma once

#include <concepts>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "connectors/kafka/source.h"
#include "schemas/base/time.h"
#include "schemas/incident.h"

namespace rootnote {

enum class LogLevel : uint8_t { kDebug, kInfo, kWarn, kError };
std::string_view Name(LogLevel level);

struct LogField {
  std::string_view key;  // a literal: it is kept
  std::variant<std::string, int64_t, double, bool> value;

  LogField(std::string_view name, std::string text) : key(name), value(std::move(text)) {}
  LogField(std::string_view name, std::string_view text) : key(name), value(std::string(text)) {}
  LogField(std::string_view name, const char* text) : key(name), value(std::string(text)) {}
  LogField(std::string_view name, bool is) : key(name), value(is) {}
  LogField(std::string_view name, double number) : key(name), value(number) {}
  template <std::integral Number>
  LogField(std::string_view name, Number number) : key(name), value(static_cast<int64_t>(number)) {}
};
using LogFields = std::vector<LogField>;

struct LogOptions {
  LogLevel level = LogLevel::kInfo;
  bool json = false;
  bool color = false;
  // Texts that must never be seen, passwords for instance: replaced by ***.
  std::vector<std::string> secrets;
  std::function<EventTime()> now;               // the wall clock
  std::function<void(std::string_view)> write;  // a line with its end; empty: standard error
};

class Log {
 public:
  explicit Log(LogOptions options);
  ~Log();  // says what was suppressed
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  void Write(LogLevel level, std::string_view message, const LogFields& fields = {});
  void Debug(std::string_view message, const LogFields& fields = {});
  void Info(std::string_view message, const LogFields& fields = {});
  void Warn(std::string_view message, const LogFields& fields = {});
  void Error(std::string_view message, const LogFields& fields = {});

  // At once for the first of a cause, then at most once a minute, with `suppressed` saying how many
  // came in between. At most 256 causes are remembered; the one silent for longest goes first.
  void Limited(std::string_view cause, LogLevel level, std::string_view message,
               const LogFields& fields = {});

  // A line of librdkafka's or of the connector's, limited by level, facility and the message's
  // words.
  void Kafka(const KafkaLog& line);

  // After a reload.
  void SetSecrets(std::vector<std::string> secrets);

 private:
  struct Cause {
    EventTime said, last;
    int64_t suppressed = 0;
    LogLevel level = LogLevel::kInfo;
    std::string message;  // of the last that was suppressed, as are the fields
    LogFields fields;
  };
  class Lines;

  void WriteLocked(EventTime now, LogLevel level, std::string_view message,
                   const LogFields& fields);
  void WriteSuppressedLocked(EventTime now, Cause& cause);
  void SweepLocked(EventTime now, bool all);

  const LogLevel level_;
  const std::function<EventTime()> now_;
  std::mutex mutex_;
  // Guarded by mutex_.
  std::unique_ptr<Lines> lines_;
  std::map<std::string, Cause, std::less<>> causes_;
};

// What a line about a revision tells: id, revision, state, reason, severity, title.
LogFields IncidentFields(const Incident& incident);

// `auto`, `text`, `json`: whether it is JSON on this stream (a terminal: text).
bool LogsAsJson(std::string_view format, bool terminal);
// The level of that name; info for any other.
LogLevel LogLevelNamed(std::string_view name);

}  // namespace rootnote
