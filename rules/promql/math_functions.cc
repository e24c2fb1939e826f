#include "rules/promql/math_functions.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>

namespace rootnote::promql {
namespace {

double Sign(double value) { return value < 0 ? -1 : value > 0 ? 1 : value; }
double Radians(double value) { return value * (std::numbers::pi / 180); }
double Degrees(double value) { return value * (180 / std::numbers::pi); }

struct MathRow {
  std::string_view name;
  MathFunction function;
};

constexpr MathRow kMath[] = {
    {"abs", [](double v) { return std::abs(v); }},
    {"acos", [](double v) { return std::acos(v); }},
    {"acosh", [](double v) { return std::acosh(v); }},
    {"asin", [](double v) { return std::asin(v); }},
    {"asinh", [](double v) { return std::asinh(v); }},
    {"atan", [](double v) { return std::atan(v); }},
    {"atanh", [](double v) { return std::atanh(v); }},
    {"ceil", [](double v) { return std::ceil(v); }},
    {"cos", [](double v) { return std::cos(v); }},
    {"cosh", [](double v) { return std::cosh(v); }},
    {"deg", Degrees},
    {"exp", [](double v) { return std::exp(v); }},
    {"floor", [](double v) { return std::floor(v); }},
    {"ln", [](double v) { return std::log(v); }},
    {"log10", [](double v) { return std::log10(v); }},
    {"log2", [](double v) { return std::log2(v); }},
    {"rad", Radians},
    {"sgn", Sign},
    {"sin", [](double v) { return std::sin(v); }},
    {"sinh", [](double v) { return std::sinh(v); }},
    {"sqrt", [](double v) { return std::sqrt(v); }},
    {"tan", [](double v) { return std::tan(v); }},
    {"tanh", [](double v) { return std::tanh(v); }},
};

// The proleptic Gregorian calendar, in UTC, for all 64 bits of seconds. Source: H. Hinnant,
// "chrono-Compatible Low-Level Date Algorithms": years that begin in March, in eras of 400.
struct Date {
  int64_t year = 0;
  unsigned month = 0;  // from 1
  unsigned day = 0;    // from 1
  unsigned weekday = 0;
  int64_t second_of_day = 0;
};

constexpr uint64_t kEraDays = 146'097;
constexpr uint64_t kEraYears = 400;
// Eras before the year 0, and days from there to 1970: as Go counts, whose arithmetic wraps there.
constexpr uint64_t kErasBeforeZero = 730'692'556;
constexpr uint64_t kDaysTo1970 = kErasBeforeZero * kEraDays + 719'468;

bool IsLeap(int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

// What fits into no 64 bits is the least number that does, as on Prometheus' usual machines.
int64_t WholeSeconds(double seconds) {
  const bool fits = seconds >= -9.223372036854775808e18 && seconds < 9.223372036854775808e18;
  return fits ? static_cast<int64_t>(seconds) : std::numeric_limits<int64_t>::min();
}

Date DateOf(double seconds) {
  constexpr uint64_t kDaySeconds = 86'400;
  const uint64_t since = static_cast<uint64_t>(WholeSeconds(seconds)) + kDaysTo1970 * kDaySeconds;
  const uint64_t days = since / kDaySeconds;
  const uint64_t of_era = days % kEraDays;
  const uint64_t year = (of_era - of_era / 1460 + of_era / 36'524 - of_era / (kEraDays - 1)) / 365;
  const uint64_t of_year = of_era - (365 * year + year / 4 - year / 100);
  const uint64_t month = (5 * of_year + 2) / 153;  // March is 0
  Date date;
  date.day = static_cast<unsigned>(of_year - (153 * month + 2) / 5 + 1);
  date.month = static_cast<unsigned>(month < 10 ? month + 3 : month - 9);
  date.year = static_cast<int64_t>(year + days / kEraDays * kEraYears) -
              static_cast<int64_t>(kErasBeforeZero * kEraYears) + (date.month <= 2 ? 1 : 0);
  date.weekday = static_cast<unsigned>((days + 3) % 7);  // the first day was a Wednesday
  date.second_of_day = static_cast<int64_t>(since % kDaySeconds);
  return date;
}

unsigned MonthDays(const Date& date, unsigned month) {
  constexpr unsigned kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && IsLeap(date.year) ? 29 : kDays[month - 1];
}

double DaysInMonth(const Date& date) { return MonthDays(date, date.month); }

double DayOfYear(const Date& date) {
  unsigned day = date.day;
  for (unsigned month = 1; month < date.month; ++month) day += MonthDays(date, month);
  return day;
}

double DayOfWeek(const Date& date) { return date.weekday; }
double DayOfMonth(const Date& date) { return date.day; }
double Month(const Date& date) { return date.month; }
double Year(const Date& date) { return static_cast<double>(date.year); }
double Hour(const Date& date) { return static_cast<double>(date.second_of_day / 3600); }
double Minute(const Date& date) { return static_cast<double>(date.second_of_day / 60 % 60); }

template <double (*part)(const Date&)>
double OfSeconds(double seconds) {
  return part(DateOf(seconds));
}

constexpr MathRow kDates[] = {
    {"day_of_month", OfSeconds<DayOfMonth>},
    {"day_of_week", OfSeconds<DayOfWeek>},
    {"day_of_year", OfSeconds<DayOfYear>},
    {"days_in_month", OfSeconds<DaysInMonth>},
    {"hour", OfSeconds<Hour>},
    {"minute", OfSeconds<Minute>},
    {"month", OfSeconds<Month>},
    {"year", OfSeconds<Year>},
};

template <size_t n>
MathFunction Find(const MathRow (&rows)[n], std::string_view name) {
  for (const MathRow& row : rows) {
    if (row.name == name) return row.function;
  }
  return nullptr;
}

}  // namespace

MathFunction FindMathFunction(std::string_view name) { return Find(kMath, name); }
MathFunction FindDateFunction(std::string_view name) { return Find(kDates, name); }

}  // namespace rootnote::promql
