#include "schemas/base/time.h"

#include <array>
#include <cstddef>

#include "schemas/base/check.h"

namespace rootnote {
namespace {

constexpr int64_t kDayMs = 86'400'000;
// What four digits of a year can say: 0000-01-01T00:00:00Z and 9999-12-31T23:59:59.999Z.
constexpr int64_t kFirstMs = -62'167'219'200'000;
constexpr int64_t kLastMs = 253'402'300'799'999;

// Days since 1970 of a civil date and back: Howard Hinnant, "chrono-Compatible Low-Level Date
// Algorithms". std::chrono's year is 16 bits wide and unchecked.
constexpr int64_t DaysFromCivil(int64_t year, int64_t month, int64_t day) {
  year -= month <= 2 ? 1 : 0;
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const int64_t year_of_era = year - era * 400;
  const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + day_of_era - 719'468;
}

struct Civil {
  int64_t year = 0, month = 0, day = 0;
};

constexpr Civil CivilFromDays(int64_t days) {
  days += 719'468;
  const int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
  const int64_t day_of_era = days - era * 146'097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t shifted_month = (5 * day_of_year + 2) / 153;
  const int64_t month = shifted_month + (shifted_month < 10 ? 3 : -9);
  return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month,
          day_of_year - (153 * shifted_month + 2) / 5 + 1};
}

constexpr bool IsDigit(char c) { return c >= '0' && c <= '9'; }

constexpr int64_t DaysInMonth(int64_t year, int64_t month) {
  constexpr std::array<int64_t, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return month == 2 && leap ? 29 : kDays[static_cast<size_t>(month - 1)];
}

// Reads fixed pieces from the front; after the first mismatch everything fails.
class Pieces {
 public:
  explicit Pieces(std::string_view text) : rest_(text) {}

  int64_t Number(size_t digits) {
    int64_t value = 0;
    for (size_t i = 0; i < digits; ++i) {
      if (rest_.empty() || !IsDigit(rest_.front())) {
        ok_ = false;
        return 0;
      }
      value = value * 10 + (rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    return value;
  }

  // Takes one of `either`; '\0' when there is none, which is a failure if it is `required`.
  char Take(std::string_view either, bool required = true) {
    if (rest_.empty() || either.find(rest_.front()) == std::string_view::npos) {
      ok_ = ok_ && !required;
      return '\0';
    }
    const char taken = rest_.front();
    rest_.remove_prefix(1);
    return taken;
  }

  size_t DigitsAhead() const {
    size_t count = 0;
    while (count < rest_.size() && IsDigit(rest_[count])) {
      ++count;
    }
    return count;
  }

  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

// The milliseconds of `.ffffff`, truncated; 0 without a dot.
std::optional<int64_t> ReadFraction(Pieces& pieces) {
  if (pieces.Take(".", false) == '\0') {
    return 0;
  }
  const size_t digits = pieces.DigitsAhead();
  if (digits == 0 || digits > 9) {
    return std::nullopt;
  }
  int64_t ms = pieces.Number(digits < 3 ? digits : 3);
  for (size_t i = digits; i < 3; ++i) {
    ms *= 10;
  }
  pieces.Number(digits > 3 ? digits - 3 : 0);
  return ms;
}

// The minutes that local time is ahead of UTC.
std::optional<int64_t> ReadOffset(Pieces& pieces) {
  const char sign = pieces.Take("Zz+-");
  if (sign == 'Z' || sign == 'z') {
    return 0;
  }
  const int64_t hours = pieces.Number(2);
  pieces.Take(":");
  const int64_t minutes = pieces.Number(2);
  if (!pieces.ok() || hours > 23 || minutes > 59) {
    return std::nullopt;
  }
  return (hours * 60 + minutes) * (sign == '-' ? -1 : 1);
}

struct Unit {
  std::string_view word;
  int64_t ms;
  bool only_exact;  // written only when nothing is left over, as Prometheus does
};

constexpr std::array<Unit, 7> kUnits = {{{"y", 365 * kDayMs, true},
                                         {"w", 7 * kDayMs, true},
                                         {"d", kDayMs, false},
                                         {"h", 3'600'000, false},
                                         {"m", 60'000, false},
                                         {"s", 1000, false},
                                         {"ms", 1, false}}};

void AppendPadded(int64_t value, int width, std::string& out) {
  std::string digits = std::to_string(value);
  out.append(
      static_cast<size_t>(width) > digits.size() ? static_cast<size_t>(width) - digits.size() : 0,
      '0');
  out += digits;
}

}  // namespace

std::optional<EventTime> ParseRfc3339(std::string_view text) {
  Pieces pieces(text);
  const int64_t year = pieces.Number(4);
  pieces.Take("-");
  const int64_t month = pieces.Number(2);
  pieces.Take("-");
  const int64_t day = pieces.Number(2);
  pieces.Take("Tt");
  const int64_t hour = pieces.Number(2);
  pieces.Take(":");
  const int64_t minute = pieces.Number(2);
  pieces.Take(":");
  int64_t second = pieces.Number(2);
  std::optional<int64_t> ms = ReadFraction(pieces);
  const std::optional<int64_t> offset = ReadOffset(pieces);
  if (!pieces.ok() || !pieces.at_end() || !ms || !offset || month < 1 || month > 12 || day < 1 ||
      day > DaysInMonth(year, month) || hour > 23 || minute > 59 || second > 60) {
    return std::nullopt;
  }
  if (second == 60) {  // A leap second has no instant of its own here.
    second = 59;
    ms = 999;
  }
  const int64_t minutes = (DaysFromCivil(year, month, day) * 24 + hour) * 60 + minute - *offset;
  return FromMillis((minutes * 60 + second) * 1000 + *ms);
}

std::string FormatRfc3339(EventTime time) {
  int64_t ms = ToMillis(time);
  ms = ms < kFirstMs ? kFirstMs : ms > kLastMs ? kLastMs : ms;
  int64_t days = ms / kDayMs;
  int64_t rest = ms % kDayMs;
  if (rest < 0) {
    rest += kDayMs;
    --days;
  }
  const Civil civil = CivilFromDays(days);
  std::string out;
  out.reserve(24);
  AppendPadded(civil.year, 4, out);
  out += '-';
  AppendPadded(civil.month, 2, out);
  out += '-';
  AppendPadded(civil.day, 2, out);
  out += 'T';
  AppendPadded(rest / 3'600'000, 2, out);
  out += ':';
  AppendPadded(rest / 60'000 % 60, 2, out);
  out += ':';
  AppendPadded(rest / 1000 % 60, 2, out);
  if (rest % 1000 != 0) {
    out += '.';
    AppendPadded(rest % 1000, 3, out);
  }
  out += 'Z';
  return out;
}

std::optional<Millis> ParseDuration(std::string_view text) {
  if (text == "0") {  // As in Prometheus: zero needs no unit.
    return Millis(0);
  }
  int64_t total = 0;
  size_t next_unit = 0;
  bool any = false;
  while (!text.empty()) {
    int64_t number = 0;
    size_t digits = 0;
    while (digits < text.size() && IsDigit(text[digits])) {
      if (__builtin_mul_overflow(number, int64_t{10}, &number) ||
          __builtin_add_overflow(number, int64_t{text[digits] - '0'}, &number)) {
        return std::nullopt;
      }
      ++digits;
    }
    size_t letters = digits;
    while (letters < text.size() && !IsDigit(text[letters])) {
      ++letters;
    }
    const std::string_view word = text.substr(digits, letters - digits);
    while (next_unit < kUnits.size() && kUnits[next_unit].word != word) {
      ++next_unit;
    }
    int64_t part = 0;
    if (digits == 0 || next_unit == kUnits.size() ||
        __builtin_mul_overflow(number, kUnits[next_unit].ms, &part) ||
        __builtin_add_overflow(total, part, &total)) {
      return std::nullopt;
    }
    ++next_unit;
    any = true;
    text.remove_prefix(letters);
  }
  return any ? std::optional<Millis>(Millis(total)) : std::nullopt;
}

std::string FormatDuration(Millis duration) {
  if (duration.count() == 0) {
    return "0s";
  }
  const bool negative = duration.count() < 0;
  uint64_t rest = static_cast<uint64_t>(duration.count());
  rest = negative ? ~rest + 1 : rest;
  std::string out = negative ? "-" : "";
  for (const Unit& unit : kUnits) {
    const auto size = static_cast<uint64_t>(unit.ms);
    DCHECK(size > 0);
    if (rest < size || (unit.only_exact && rest % size != 0)) {
      continue;
    }
    out += std::to_string(rest / size);
    out += unit.word;
    rest %= size;
  }
  return out;
}

}  // namespace rootnote
