#include "schemas/json_number.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <system_error>

namespace rootnote {
namespace {

constexpr bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// 10^0 to 10^22 are exact doubles.
constexpr std::array<double, 23> kPowersOfTen = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                 1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
constexpr uint64_t kExactIntegers = uint64_t{1} << 53;

// What one pass over the token finds.
struct Scan {
  size_t length = 0;  // 0: no number
  bool negative = false;
  bool whole = true;  // neither fraction nor exponent
  uint64_t mantissa = 0;
  size_t digits = 0;      // in the mantissa, without leading zeros
  int64_t exponent = 0;   // value = mantissa * 10^exponent if digits <= 19
  size_t end_zeros = 0;   // zeros at the end of the mantissa
  int64_t magnitude = 0;  // the value lies in [10^(magnitude-1), 10^magnitude)
};

void TakeDigit(char c, Scan& scan) {
  if (scan.digits < 19) {
    scan.mantissa = scan.mantissa * 10 + static_cast<uint64_t>(c - '0');
  }
  if (scan.digits > 0 || c != '0') {
    ++scan.digits;
    scan.end_zeros = c == '0' ? scan.end_zeros + 1 : 0;
  }
}

size_t ScanFraction(std::string_view text, size_t i, Scan& scan) {
  const size_t start = i;
  while (i < text.size() && IsDigit(text[i])) {
    TakeDigit(text[i++], scan);
    --scan.exponent;
  }
  return i == start ? 0 : i;
}

size_t ScanExponent(std::string_view text, size_t i, Scan& scan) {
  bool negative = false;
  if (i < text.size() && (text[i] == '+' || text[i] == '-')) {
    negative = text[i++] == '-';
  }
  const size_t start = i;
  int64_t exponent = 0;
  while (i < text.size() && IsDigit(text[i])) {
    if (exponent < 1'000'000'000) {  // Far beyond what any payload's digits could make up for.
      exponent = exponent * 10 + (text[i] - '0');
    }
    ++i;
  }
  scan.exponent += negative ? -exponent : exponent;
  return i == start ? 0 : i;
}

// The grammar of RFC 8259, section 6.
Scan ScanNumber(std::string_view text) {
  Scan scan;
  size_t i = 0;
  if (i < text.size() && text[i] == '-') {
    scan.negative = true;
    ++i;
  }
  if (i == text.size() || !IsDigit(text[i])) {
    return {};
  }
  if (text[i] == '0') {
    ++i;
  } else {
    while (i < text.size() && IsDigit(text[i])) {
      TakeDigit(text[i++], scan);
    }
  }
  if (i < text.size() && text[i] == '.') {
    scan.whole = false;
    i = ScanFraction(text, i + 1, scan);
    if (i == 0) {
      return {};
    }
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    scan.whole = false;
    i = ScanExponent(text, i + 1, scan);
    if (i == 0) {
      return {};
    }
  }
  scan.magnitude = static_cast<int64_t>(scan.digits) + scan.exponent;
  scan.length = i;
  return scan;
}

// Exact mantissa and exact power: one rounding, so the result is the nearest double (W. D. Clinger,
// "How to Read Floating Point Numbers Accurately", 1990).
std::optional<double> FastValue(const Scan& scan) {
  if (scan.digits > 19 || scan.mantissa > kExactIntegers || scan.exponent < -22 ||
      scan.exponent > 22) {
    return std::nullopt;
  }
  const double mantissa = static_cast<double>(scan.mantissa);
  const double power = kPowersOfTen[static_cast<size_t>(std::abs(scan.exponent))];
  const double value = scan.exponent < 0 ? mantissa / power : mantissa * power;
  return scan.negative ? -value : value;
}

bool IsExact(std::string_view token, const Scan& scan, double value) {
  uint64_t count = 0;
  const char* begin = token.data() + (scan.negative ? 1 : 0);
  const auto [end, error] = std::from_chars(begin, token.data() + token.size(), count);
  if (error != std::errc()) {
    return false;  // Beyond 64 bits, in more digits than a double can tell apart.
  }
  if (count < uint64_t{1} << 63) {
    return true;  // Rounded up to 2^63, like any count above 2^53.
  }
  const double magnitude = std::abs(value);
  return magnitude < 0x1p64 && static_cast<uint64_t>(magnitude) == count;
}

}  // namespace

JsonNumber ParseJsonNumber(std::string_view token) {
  const Scan scan = ScanNumber(token);
  if (scan.length == 0 || scan.length != token.size()) {
    return {0, NumberError::kGrammar};
  }
  if (const std::optional<double> fast = FastValue(scan)) {
    return {*fast, std::nullopt};
  }
  double value = 0;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), value);
  if (error == std::errc::result_out_of_range) {
    if (scan.magnitude > 0) {
      return {0, NumberError::kOutOfRange};
    }
    return {scan.negative ? -0.0 : 0.0, std::nullopt};
  }
  if (error != std::errc()) {
    return {0, NumberError::kGrammar};
  }
  if (std::isinf(value)) {
    return {0, NumberError::kOutOfRange};
  }
  if (scan.whole && std::abs(value) >= 0x1p63 && scan.digits - scan.end_zeros > 17 &&
      !IsExact(token, scan, value)) {
    return {value, NumberError::kInexact};
  }
  return {value, std::nullopt};
}

size_t JsonNumberLength(std::string_view text) { return ScanNumber(text).length; }

std::optional<int64_t> ParseJsonInteger(std::string_view token) {
  const Scan scan = ScanNumber(token);
  if (!scan.whole || scan.length == 0 || scan.length != token.size()) {
    return std::nullopt;
  }
  int64_t value = 0;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), value);
  return error == std::errc() ? std::optional<int64_t>(value) : std::nullopt;
}

}  // namespace rootnote
