#include "rules/promql/math_functions.h"

#include <chrono>
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

// The proleptic Gregorian calendar, in UTC.
struct Date {
  std::chrono::year_month_day day;
  int64_t days = 0;  // since 1970
  int64_t second_of_day = 0;
};

// Years that std::chrono can hold; beyond them there is no date.
constexpr double kSecondsMax = 32'000.0 * 365 * 86'400;

bool IsTime(double seconds) { return std::abs(seconds) < kSecondsMax; }

Date DateOf(double seconds) {
  const std::chrono::sys_seconds time{std::chrono::seconds(static_cast<int64_t>(seconds))};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  return {std::chrono::year_month_day(day), day.time_since_epoch().count(), (time - day).count()};
}

double DaysInMonth(const Date& date) {
  const std::chrono::year_month_day_last last(date.day.year(),
                                              std::chrono::month_day_last(date.day.month()));
  return static_cast<double>(static_cast<unsigned>(last.day()));
}

double DayOfYear(const Date& date) {
  const std::chrono::sys_days first(date.day.year() / std::chrono::January / 1);
  return static_cast<double>(date.days - first.time_since_epoch().count() + 1);
}

double DayOfWeek(const Date& date) {
  const std::chrono::weekday weekday{
      std::chrono::sys_days(std::chrono::days(static_cast<int>(date.days)))};
  return static_cast<double>(weekday.c_encoding());
}

double DayOfMonth(const Date& date) { return static_cast<unsigned>(date.day.day()); }
double Month(const Date& date) { return static_cast<unsigned>(date.day.month()); }
double Year(const Date& date) { return static_cast<int>(date.day.year()); }
double Hour(const Date& date) { return static_cast<double>(date.second_of_day / 3600); }
double Minute(const Date& date) { return static_cast<double>(date.second_of_day / 60 % 60); }

template <double (*part)(const Date&)>
double OfSeconds(double seconds) {
  if (!IsTime(seconds)) return std::numeric_limits<double>::quiet_NaN();
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
