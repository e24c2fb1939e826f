// A promqltest file as its commands. Source: Prometheus' description of its PromQL test scripting
// language (promql/promqltest/README.md), with the older forms that it still reads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "rules/promqltest/series_line.h"
#include "schemas/base/time.h"

namespace re2 {
class RE2;
}

namespace rootnote::promqltest {

struct ClearCommand {};

struct LoadCommand {
  size_t line = 0;  // from 1
  Millis step{0};
  bool with_nhcb = false;    // also as native histograms with custom buckets
  bool start_times = false;  // has @st lines
  std::vector<SeriesLine> series;
};

enum class ExpectKind : uint8_t { kOrdered, kFail, kWarn, kNoWarn, kInfo, kNoInfo };

// `expect warn`, `expect fail msg: …`, `expect info regex: …`.
struct Expectation {
  ExpectKind kind = ExpectKind::kOrdered;
  std::string text;                       // as written, for what is told
  std::shared_ptr<const re2::RE2> regex;  // null: the text is the whole message
  bool Matches(std::string_view message) const;
};

struct EvalCommand {
  size_t line = 0;   // from 1
  std::string text;  // the first line
  std::string expr;
  bool is_range = false;
  EventTime at;          // an instant query's
  EventTime start, end;  // a range query's, or of `expect range vector`
  Millis step{0};
  bool warn_needed = false, info_needed = false;  // eval_warn, eval_info
  std::vector<Expectation> expectations;
  std::vector<SeriesLine> series;
  std::optional<double> scalar;
  std::optional<std::string> string;
  bool range_vector = false;

  bool Has(ExpectKind kind) const;
};

// What stands where a command should, and is none. The commands after it are read all the same.
struct WrongCommand {
  size_t line = 0;
  std::string text;
  std::string message;
};

using Command = std::variant<ClearCommand, LoadCommand, EvalCommand, WrongCommand>;

std::vector<Command> ParseScript(std::string_view text);

}  // namespace rootnote::promqltest
