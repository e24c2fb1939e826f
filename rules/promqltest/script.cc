#include "rules/promqltest/script.h"

#include <algorithm>
#include <utility>

#include "fmt/format.h"
#include "re2/re2.h"

#include "rules/unquote.h"

namespace rootnote::promqltest {
namespace {

// Of a range query; far beyond any test that a person writes.
constexpr int64_t kStepsMax = 100'000;

constexpr std::string_view kSpaces = " \t\r\f\v";

std::string_view Trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(kSpaces);
  if (begin == std::string_view::npos) return "";
  return text.substr(begin, text.find_last_not_of(kSpaces) - begin + 1);
}

// The first word of `text`, which loses it and the spaces behind.
std::string_view TakeWord(std::string_view& text) {
  const size_t end = std::min(text.find_first_of(kSpaces), text.size());
  const std::string_view word = text.substr(0, end);
  text = Trim(text.substr(end));
  return word;
}

bool TakePrefix(std::string_view& text, std::string_view prefix) {
  if (text.substr(0, prefix.size()) != prefix) return false;
  text.remove_prefix(prefix.size());
  return true;
}

absl::Status Invalid(std::string message) { return absl::InvalidArgumentError(std::move(message)); }

absl::StatusOr<Millis> DurationOf(std::string_view word, std::string_view what) {
  if (word == "0") return Millis(0);
  const std::optional<Millis> duration = ParseDuration(word);
  if (!duration) return Invalid(fmt::format("`{}` is no duration ({})", word, what));
  return *duration;
}

struct Times {
  EventTime start, end;
  Millis step{0};
};

// from A to B step S
absl::StatusOr<Times> TakeTimes(std::string_view& text) {
  Times times;
  if (TakeWord(text) != "from") return Invalid("expected `from A to B step S`");
  ASSIGN_OR_RETURN(const Millis start, DurationOf(TakeWord(text), "from"));
  if (TakeWord(text) != "to") return Invalid("expected `to` behind `from A`");
  ASSIGN_OR_RETURN(const Millis end, DurationOf(TakeWord(text), "to"));
  if (TakeWord(text) != "step") return Invalid("expected `step` behind `to B`");
  ASSIGN_OR_RETURN(times.step, DurationOf(TakeWord(text), "step"));
  if (end < start) return Invalid("the range ends before it starts");
  if (times.step <= Millis(0)) return Invalid("the step must be more than 0");
  if ((end - start) / times.step > kStepsMax) {
    return Invalid(fmt::format("more than {} steps", kStepsMax));
  }
  times.start = EventTime(start);
  times.end = EventTime(end);
  return times;
}

absl::StatusOr<std::shared_ptr<const re2::RE2>> RegexOf(std::string_view pattern) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  auto regex =
      std::make_shared<const re2::RE2>(re2::StringPiece(pattern.data(), pattern.size()), options);
  if (!regex->ok()) return Invalid(fmt::format("`{}` is no regular expression", pattern));
  return regex;
}

absl::StatusOr<Expectation> PatternOf(ExpectKind kind, std::string_view pattern) {
  Expectation expectation{kind, std::string(pattern), nullptr};
  ASSIGN_OR_RETURN(expectation.regex, RegexOf(pattern));
  return expectation;
}

// expect KIND [msg:|regex: …], `expect` gone already.
absl::StatusOr<Expectation> ExpectationOf(std::string_view text) {
  constexpr std::pair<std::string_view, ExpectKind> kKinds[] = {
      {"ordered", ExpectKind::kOrdered}, {"fail", ExpectKind::kFail},
      {"warn", ExpectKind::kWarn},       {"no_warn", ExpectKind::kNoWarn},
      {"info", ExpectKind::kInfo},       {"no_info", ExpectKind::kNoInfo}};
  const std::string_view word = TakeWord(text);
  for (const auto& [name, kind] : kKinds) {
    if (word != name) continue;
    if (text.empty()) return PatternOf(kind, "");
    if (TakePrefix(text, "regex:") && !text.empty()) return PatternOf(kind, Trim(text));
    if (TakePrefix(text, "msg:") && !text.empty()) {
      return Expectation{kind, std::string(Trim(text)), nullptr};
    }
    return Invalid("an expect line ends in nothing, `msg: …` or `regex: …`");
  }
  return Invalid(fmt::format("`expect {}` is not known", word));
}

absl::Status CheckTogether(const EvalCommand& eval) {
  if (eval.Has(ExpectKind::kInfo) && eval.Has(ExpectKind::kNoInfo)) {
    return Invalid("`expect info` and `expect no_info` exclude each other");
  }
  if (eval.Has(ExpectKind::kWarn) && eval.Has(ExpectKind::kNoWarn)) {
    return Invalid("`expect warn` and `expect no_warn` exclude each other");
  }
  const auto fails = std::count_if(eval.expectations.begin(), eval.expectations.end(),
                                   [](const auto& e) { return e.kind == ExpectKind::kFail; });
  if (fails > 1) return Invalid("one `expect fail` is allowed, not more");
  return absl::OkStatus();
}

// The form before `expect`: eval_fail, eval_warn …
absl::Status TakeModifier(std::string_view word, EvalCommand& eval) {
  if (word == "eval") return absl::OkStatus();
  if (word == "eval_warn") {
    eval.warn_needed = true;
  } else if (word == "eval_info") {
    eval.info_needed = true;
  } else if (word == "eval_ordered" || word == "eval_fail") {
    const ExpectKind kind = word == "eval_fail" ? ExpectKind::kFail : ExpectKind::kOrdered;
    ASSIGN_OR_RETURN(Expectation expectation, PatternOf(kind, ""));
    eval.expectations.push_back(std::move(expectation));
  } else {
    return Invalid(fmt::format("`{}` is no command", word));
  }
  return absl::OkStatus();
}

absl::Status TakeHead(std::string_view head, EvalCommand& eval) {
  RETURN_IF_ERROR(TakeModifier(TakeWord(head), eval));
  const std::string_view kind = TakeWord(head);
  if (kind == "instant") {
    if (TakeWord(head) != "at") return Invalid("expected `eval instant at T EXPR`");
    ASSIGN_OR_RETURN(const Millis at, DurationOf(TakeWord(head), "at"));
    eval.at = EventTime(at);
  } else if (kind == "range") {
    ASSIGN_OR_RETURN(const Times times, TakeTimes(head));
    eval.is_range = true;
    eval.start = times.start;
    eval.end = times.end;
    eval.step = times.step;
  } else {
    return Invalid("expected `eval instant at T EXPR` or `eval range from A to B step S EXPR`");
  }
  if (head.empty()) return Invalid("the expression is missing");
  eval.expr = std::string(head);
  return absl::OkStatus();
}

class Reader {
 public:
  explicit Reader(std::string_view text) {
    while (!text.empty()) {
      const size_t end = std::min(text.find('\n'), text.size());
      const std::string_view line = Trim(text.substr(0, end));
      // A comment ends a block, as an empty line does.
      lines_.push_back(!line.empty() && line.front() == '#' ? std::string_view() : line);
      text.remove_prefix(std::min(end + 1, text.size()));
    }
  }

  std::vector<Command> Commands() {
    while (at_ < lines_.size()) {
      if (lines_[at_].empty()) {
        ++at_;
        continue;
      }
      const size_t first = at_;
      if (const absl::Status status = One(); !status.ok()) {
        const std::string_view line = lines_[std::min(at_, lines_.size() - 1)];
        commands_.push_back(
            WrongCommand{at_ + 1, std::string(line), std::string(status.message())});
        at_ = std::max(at_, first) + 1;
        while (at_ < lines_.size() && !lines_[at_].empty()) ++at_;
      }
    }
    return std::move(commands_);
  }

 private:
  // On an error the reader stands at the line that is wrong.
  absl::Status One() {
    std::string_view rest = lines_[at_];
    const std::string_view word = TakeWord(rest);
    if (word == "clear") {
      commands_.emplace_back(ClearCommand{});
      ++at_;
      return absl::OkStatus();
    }
    if (word == "load" || word == "load_with_nhcb") return Load(word != "load", rest);
    if (word.substr(0, 4) == "eval") return Eval();
    return Invalid("expected `load`, `clear` or `eval`");
  }

  bool InBlock() const { return at_ < lines_.size() && !lines_[at_].empty(); }

  absl::Status Load(bool with_nhcb, std::string_view step) {
    LoadCommand load;
    load.line = at_ + 1;
    load.with_nhcb = with_nhcb;
    ASSIGN_OR_RETURN(load.step, DurationOf(step, "step"));
    for (++at_; InBlock(); ++at_) {
      const std::string_view line = lines_[at_];
      const std::string_view head = line.substr(0, line.find_first_of(kSpaces));
      if (head.size() >= 3 && head.substr(head.size() - 3) == "@st") {
        load.start_times = true;
        continue;
      }
      ASSIGN_OR_RETURN(SeriesLine series, ParseSeriesLine(line));
      load.series.push_back(std::move(series));
    }
    commands_.emplace_back(std::move(load));
    return absl::OkStatus();
  }

  absl::Status Eval() {
    EvalCommand eval;
    eval.line = at_ + 1;
    eval.text = std::string(lines_[at_]);
    RETURN_IF_ERROR(TakeHead(lines_[at_], eval));
    for (++at_; InBlock(); ++at_) {
      ASSIGN_OR_RETURN(const bool last, ResultLine(lines_[at_], eval));
      if (last) {
        ++at_;
        break;
      }
    }
    commands_.emplace_back(std::move(eval));
    return absl::OkStatus();
  }

  // The line of a message as it was before `expect fail`; it is the last one.
  static absl::StatusOr<bool> OldFailLine(std::string_view line, EvalCommand& eval) {
    if (!eval.Has(ExpectKind::kFail)) return false;
    if (TakePrefix(line, "expected_fail_message")) {
      eval.expectations = {Expectation{ExpectKind::kFail, std::string(Trim(line)), nullptr}};
      return true;
    }
    if (!TakePrefix(line, "expected_fail_regexp")) return false;
    ASSIGN_OR_RETURN(Expectation expectation, PatternOf(ExpectKind::kFail, Trim(line)));
    eval.expectations = {std::move(expectation)};
    return true;
  }

  static absl::Status StringLine(std::string_view quoted, EvalCommand& eval) {
    UnquoteError error;
    eval.string = quoted.size() < 2 ? std::nullopt : Unquote(quoted, error);
    if (!eval.string) return Invalid("`expect string` needs a quoted string");
    return absl::OkStatus();
  }

  static absl::Status RangeVectorLine(std::string_view text, EvalCommand& eval) {
    text = Trim(text);
    ASSIGN_OR_RETURN(const Times times, TakeTimes(text));
    if (!text.empty()) return Invalid("nothing may follow `step S`");
    eval.range_vector = true;
    eval.start = times.start;
    eval.end = times.end;
    eval.step = times.step;
    eval.at = times.end;
    return absl::OkStatus();
  }

  // One line below an eval. True when it must be the last one.
  static absl::StatusOr<bool> ResultLine(std::string_view line, EvalCommand& eval) {
    ASSIGN_OR_RETURN(const bool old, OldFailLine(line, eval));
    if (old) return true;
    std::string_view rest = line;
    if (TakePrefix(rest, "expect range vector")) {
      RETURN_IF_ERROR(RangeVectorLine(rest, eval));
      return false;
    }
    rest = line;
    if (TakePrefix(rest, "expect string")) {
      RETURN_IF_ERROR(StringLine(Trim(rest), eval));
      return false;
    }
    rest = line;
    if (TakeWord(rest) == "expect") {
      ASSIGN_OR_RETURN(Expectation expectation, ExpectationOf(rest));
      eval.expectations.push_back(std::move(expectation));
      RETURN_IF_ERROR(CheckTogether(eval));
      return false;
    }
    if (const std::optional<double> number = ParseLoneNumber(line)) {
      eval.scalar = number;
      return true;
    }
    ASSIGN_OR_RETURN(SeriesLine series, ParseSeriesLine(line));
    if (series.values.size() > 1 && !eval.is_range && !eval.range_vector) {
      return Invalid("an instant query gives one value per series (or `expect range vector …`)");
    }
    eval.series.push_back(std::move(series));
    return false;
  }

  std::vector<std::string_view> lines_;
  size_t at_ = 0;
  std::vector<Command> commands_;
};

}  // namespace

bool Expectation::Matches(std::string_view message) const {
  if (!regex) return message == text;
  return re2::RE2::PartialMatch(re2::StringPiece(message.data(), message.size()), *regex);
}

bool EvalCommand::Has(ExpectKind kind) const {
  return std::any_of(expectations.begin(), expectations.end(),
                     [kind](const Expectation& one) { return one.kind == kind; });
}

std::vector<Command> ParseScript(std::string_view text) { return Reader(text).Commands(); }

}  // namespace rootnote::promqltest
