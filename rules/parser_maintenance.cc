#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "fmt/core.h"

#include "rules/block_parser.h"
#include "rules/parser_scenario.h"

namespace rootnote {
namespace {

constexpr std::array<std::string_view, 7> kWeekdays = {"sunday",   "monday", "tuesday", "wednesday",
                                                       "thursday", "friday", "saturday"};

std::optional<int32_t> Digits(std::string_view text) {
  if (text.empty()) return std::nullopt;
  int32_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

// "02:00" → 120; "24:00" is the end of a day.
std::optional<int32_t> MinuteOfDay(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  const std::optional<int32_t> hour = Digits(text.substr(0, 2));
  const std::optional<int32_t> minute = Digits(text.substr(3, 2));
  if (!hour || !minute || *minute > 59 || *hour > 24 || (*hour == 24 && *minute > 0)) {
    return std::nullopt;
  }
  return *hour * 60 + *minute;
}

bool SetDate(std::string_view text, ast::LocalTime& time) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
  const std::optional<int32_t> year = Digits(text.substr(0, 4));
  const std::optional<int32_t> month = Digits(text.substr(5, 2));
  const std::optional<int32_t> day = Digits(text.substr(8, 2));
  if (!year || !month || !day || *year < 1970) return false;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return false;
  time.year = *year;
  time.month = *month;
  time.day = *day;
  return true;
}

class MaintenanceParser {
 public:
  explicit MaintenanceParser(TokenReader& reader) : reader_(reader) {}

  bool Parse(std::vector<ast::Maintenance>& into) {
    const uint32_t from = reader_.begin();
    reader_.Next();
    std::optional<ast::Text> name = reader_.ExpectString("the name of the maintenance in quotes");
    if (!name || !reader_.ExpectWord("on")) return false;
    window_.name = *std::move(name);
    if (!Selection() || !Window()) return false;
    while (const auto clause = NextClause()) {
      if (!(this->*clause)()) return false;
    }
    window_.span = reader_.SpanFrom(from);
    into.push_back(std::move(window_));
    return true;
  }

 private:
  using Clause = bool (MaintenanceParser::*)();

  Clause NextClause() {
    if (reader_.IsWord("and")) return &MaintenanceParser::Reach;
    if (reader_.IsWord("owner")) return &MaintenanceParser::Owner;
    if (!window_.recurring) return nullptr;
    if (reader_.IsWord("starting")) return &MaintenanceParser::Starting;
    if (reader_.IsWord("until")) return &MaintenanceParser::Until;
    if (reader_.IsWord("except")) return &MaintenanceParser::Except;
    return nullptr;
  }

  // ENTITY, … | KIND [where LABEL=~"…" …]; then [and all above|below]
  bool Selection() {
    if (reader_.IsEntity()) {
      do {
        std::optional<ast::Entity> entity = reader_.ExpectEntity();
        if (!entity) return false;
        window_.entities.push_back(*std::move(entity));
      } while (reader_.Accept(TokenKind::kComma));
    } else {
      window_.kind = reader_.ExpectName("an entity or a kind");
      if (!window_.kind) return false;
      if (reader_.AcceptWord("where")) {
        do {
          std::optional<ast::MatcherNode> matcher = reader_.ExpectMatcher();
          if (!matcher) return false;
          window_.where.push_back(*std::move(matcher));
        } while (reader_.Accept(TokenKind::kComma) ||
                 (!reader_.IsWord("all", 1) && reader_.AcceptWord("and")));
      }
    }
    return !reader_.IsWord("and") || Reach();
  }

  bool Reach() {
    const Span span = reader_.Next().span;
    if (!reader_.ExpectWord("all")) return false;
    if (window_.reach != ast::Maintenance::Reach::kItself) {
      return reader_.Fail(DiagnosticCode::kClauseTwice, span, "`and all` is given twice",
                          "keep one of them");
    }
    if (reader_.AcceptWord("above")) {
      window_.reach = ast::Maintenance::Reach::kAllAbove;
      return true;
    }
    window_.reach = ast::Maintenance::Reach::kAllBelow;
    return reader_.AcceptWord("below") || reader_.FailExpected("`above` or `below`");
  }

  bool Window() {
    if (reader_.AcceptWord("every")) {
      window_.recurring = true;
      if (!Recurrence()) return false;
      // `from` may be said or not.
      reader_.AcceptWord("from");
    } else if (!reader_.AcceptWord("from")) {
      return reader_.FailExpected("`every sunday 02:00 to 04:00` or `from … to …`");
    }
    if (!Moment(window_.from) || !reader_.ExpectWord("to") || !Moment(window_.to)) return false;
    if (reader_.AcceptWord("in")) {
      window_.zone = reader_.ExpectRawWord("a time zone, as in Europe/Paris");
      return window_.zone.has_value();
    }
    return true;
  }

  // DAYS | N weeks on DAYS | first, last DAYS of the month | month on day N, last
  bool Recurrence() {
    if (reader_.AcceptWord("month")) {
      if (!reader_.ExpectWord("on") || !reader_.ExpectWord("day")) return false;
      return MonthDays();
    }
    if (reader_.Is(TokenKind::kNumber)) {
      const uint32_t from = reader_.begin();
      const std::optional<uint32_t> weeks = reader_.ExpectCount("a number of weeks");
      if (!weeks || !(reader_.AcceptWord("weeks") || reader_.ExpectWord("week"))) return false;
      window_.weeks = *weeks;
      window_.weeks_span = reader_.SpanFrom(from);
      return reader_.ExpectWord("on") && Weekdays();
    }
    if (!Ordinals()) return false;
    if (window_.nth.empty()) return Weekdays();
    if (reader_.IsWord("day")) {  // the last day of the month
      reader_.Next();
      window_.month_days.swap(window_.nth);
    } else if (!Weekdays()) {
      return false;
    }
    return reader_.ExpectWord("of") && reader_.ExpectWord("the") && reader_.ExpectWord("month");
  }

  // first and third, last; nothing is well, too.
  bool Ordinals() {
    static constexpr std::array<std::string_view, 5> kOrdinals = {"first", "second", "third",
                                                                  "fourth", "fifth"};
    while (true) {
      const std::string word = reader_.Peek().text;
      const auto* found = std::find(kOrdinals.begin(), kOrdinals.end(), word);
      if (word != "last" && found == kOrdinals.end()) break;
      reader_.Next();
      window_.nth.push_back(word == "last" ? -1
                                           : static_cast<int32_t>(found - kOrdinals.begin()) + 1);
      if (!reader_.Accept(TokenKind::kComma) && !reader_.AcceptWord("and")) return true;
    }
    return window_.nth.empty() || reader_.FailExpected("`first` to `fifth` or `last`");
  }

  bool MonthDays() {
    do {
      if (reader_.AcceptWord("last")) {
        window_.month_days.push_back(-1);
        continue;
      }
      const uint32_t from = reader_.begin();
      const std::optional<uint32_t> day = reader_.ExpectCount("a day of the month, or `last`");
      if (!day) return false;
      if (*day < 1 || *day > 31) {
        return reader_.Fail(DiagnosticCode::kBadTime, reader_.SpanFrom(from),
                            fmt::format("no month has a day {}", *day), "1 to 31, or `last`");
      }
      window_.month_days.push_back(static_cast<int32_t>(*day));
    } while (reader_.Accept(TokenKind::kComma) || reader_.AcceptWord("and"));
    return true;
  }

  // `comma`: one stood right behind it, and is taken.
  bool Date(ast::LocalTime& date, bool* comma = nullptr) {
    const uint32_t from = reader_.begin();
    const std::optional<ast::Name> text = reader_.ExpectRawWord("a date, as in 2026-03-21");
    if (!text) return false;
    std::string word = text->text;
    if (comma != nullptr && word.ends_with(',')) {
      word.pop_back();
      *comma = true;
    }
    if (!SetDate(word, date)) {
      return reader_.Fail(DiagnosticCode::kBadTime, text->span,
                          fmt::format("`{}` is no date", word), "write it as 2026-03-21");
    }
    date.span = reader_.SpanFrom(from);
    return true;
  }

  bool DateOnce(std::optional<ast::LocalTime>& slot, std::string_view clause) {
    const Span span = reader_.Next().span;
    ast::LocalTime date;
    return Date(date) && SetOnce(reader_, slot, std::optional(date), clause, span);
  }
  bool Starting() { return DateOnce(window_.starting, "starting"); }
  bool Until() { return DateOnce(window_.until, "until"); }

  bool Except() {
    reader_.Next();
    bool more = true;
    while (more) {
      ast::LocalTime date;
      bool comma = false;
      if (!Date(date, &comma)) return false;
      window_.except.push_back(date);
      more = comma || reader_.Accept(TokenKind::kComma);
    }
    return true;
  }

  bool Weekdays() {
    do {
      const Token token = reader_.Peek();
      std::string word = token.text;
      if (word.size() > 1 && word.back() == 's' && word != "days") word.pop_back();
      if (token.kind != TokenKind::kIdentifier) return reader_.FailExpected("a day of the week");
      if (word == "day") {
        window_.weekdays.clear();
      } else if (word == "weekday") {
        window_.weekdays.insert(window_.weekdays.end(), {1, 2, 3, 4, 5});
      } else if (word == "weekend") {
        window_.weekdays.insert(window_.weekdays.end(), {0, 6});
      } else if (!OneDay(word)) {
        const std::vector<std::string> days(kWeekdays.begin(), kWeekdays.end());
        const std::string near = DidYouMean(word, days);
        return reader_.Fail(DiagnosticCode::kUnknownWord, token.span,
                            fmt::format("`{}` is no day", token.text),
                            near.empty() ? "sunday to saturday, day, weekday or weekend"
                                         : fmt::format("did you mean `{}`?", near));
      }
      reader_.Next();
    } while (reader_.Accept(TokenKind::kComma) || reader_.AcceptWord("and"));
    return true;
  }

  bool OneDay(std::string_view word) {
    for (size_t i = 0; i < kWeekdays.size(); ++i) {
      if (kWeekdays[i] != word) continue;
      window_.weekdays.push_back(static_cast<uint8_t>(i));
      return true;
    }
    return false;
  }

  // 02:00, and for one-off windows 2026-03-21 16:00
  bool Moment(ast::LocalTime& time) {
    const uint32_t from = reader_.begin();
    if (!window_.recurring) {
      std::optional<ast::Name> date = reader_.ExpectRawWord("a date, as in 2026-03-21");
      if (!date) return false;
      if (!SetDate(date->text, time)) {
        return reader_.Fail(DiagnosticCode::kBadTime, date->span,
                            fmt::format("`{}` is no date", date->text), "write it as 2026-03-21");
      }
    }
    std::optional<ast::Name> clock = reader_.ExpectRawWord("a time of day, as in 02:00");
    if (!clock) return false;
    const std::optional<int32_t> minute = MinuteOfDay(clock->text);
    if (!minute) {
      return reader_.Fail(DiagnosticCode::kBadTime, clock->span,
                          fmt::format("`{}` is no time of day", clock->text),
                          "write it as 02:00; a recurring window has no date");
    }
    time.minute_of_day = *minute;
    time.span = reader_.SpanFrom(from);
    return true;
  }

  bool Owner() {
    const Span span = reader_.Next().span;
    return SetOnce(reader_, window_.owner, reader_.ExpectString("the owner in quotes"), "owner",
                   span);
  }

  TokenReader& reader_;
  ast::Maintenance window_;
};

}  // namespace

bool ParseMaintenance(TokenReader& reader, std::vector<ast::Maintenance>& into) {
  return MaintenanceParser(reader).Parse(into);
}

}  // namespace rootnote
