#include "schemas/json_number.h"

#include <bit>
#include <cmath>
#include <cstdlib>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace rootnote {
namespace {

TEST(ParseJsonNumber, FollowsTheGrammar) {
  for (const char* text :
       {"",          "-",   "+1",  "00",   "01",    "-01",   "1.",  ".5",      "1.e3",
        "1e",        "1e+", "1e-", "0x10", "1_000", "1 ",    " 1",  "NaN",     "Infinity",
        "-Infinity", "inf", "1f",  "1..2", "--1",   "1e5.5", "1,5", "\xD9\xA1"}) {
    EXPECT_EQ(ParseJsonNumber(text).error, NumberError::kGrammar) << text;
  }
}

// Every spelling here was, or is next to, one that simdjson 3.0.1 reads wrongly.
TEST(ParseJsonNumber, AgreesWithStrtodOnHardSpellings) {
  for (const char* text : {"0",
                           "-0",
                           "0.0",
                           "-0.0",
                           "0e999",
                           "1",
                           "-1",
                           "0.1",
                           "0.3",
                           "1e22",
                           "1e23",
                           "123456789012345678",
                           "0.12345678901234567890",
                           "0.123456789012345678901234567890",
                           "0.00000000000000000012345",
                           "0.999999999999999999999999999",
                           "0.30000000000000004440892098500626161694526672363281250001",
                           "9007199254740993",
                           "9007199254740992.9999999999",
                           "0.1000000000000000055511151231257827021181583404541015625",
                           "2.2250738585072011e-308",
                           "2.2250738585072014e-308",
                           "4.9e-324",
                           "2.4703282292062327e-324",
                           "2.4703282292062328e-324",
                           "1e-400",
                           "-1e-400",
                           "1.7976931348623157e308",
                           "1.79769313486231580793e308",
                           "3.14159265358979323846264338327950288",
                           "1795331836.117",
                           "6.02214076e23",
                           "0.000001",
                           "1e-7",
                           "100000000000000000000000000000000000000"}) {
    const JsonNumber number = ParseJsonNumber(text);
    EXPECT_FALSE(number.error.has_value()) << text;
    EXPECT_EQ(std::bit_cast<uint64_t>(number.value),
              std::bit_cast<uint64_t>(std::strtod(text, nullptr)))
        << text;
  }
}

TEST(ParseJsonNumber, RejectsWhatNoDoubleHolds) {
  for (const char* text :
       {"1e400", "-1e400", "1.7976931348623159e308", "1e999999999999999999999"}) {
    EXPECT_EQ(ParseJsonNumber(text).error, NumberError::kOutOfRange) << text;
  }
  EXPECT_EQ(ParseJsonNumber(std::string(400, '9')).error, NumberError::kOutOfRange);
}

TEST(ParseJsonNumber, CountsFromTwoToThe63AreExactOrRejected) {
  for (const char* text : {"9223372036854775809", "18446744073709551615", "-9223372036854775809",
                           "9999999999999999999", "123456789012345678901234567890"}) {
    EXPECT_EQ(ParseJsonNumber(text).error, NumberError::kInexact) << text;
  }
  for (const char* text :
       {"9223372036854775807", "9223372036854775808", "-9223372036854775808",
        "18446744073709549568", "10000000000000000000", "10145709240540254000"}) {
    EXPECT_FALSE(ParseJsonNumber(text).error.has_value()) << text;
    EXPECT_EQ(ParseJsonNumber(text).value, std::strtod(text, nullptr)) << text;
  }
  // Told as a measurement, not as a count.
  EXPECT_FALSE(ParseJsonNumber("18446744073709551615.0").error.has_value());
}

std::string RandomNumber(std::mt19937_64& random) {
  const auto digits = [&](size_t longest) {
    std::string text(1 + random() % longest, '0');
    for (char& c : text) {
      c = static_cast<char>('0' + random() % 10);
    }
    return text;
  };
  std::string text = random() % 4 == 0 ? "-" : "";
  if (random() % 3 == 0) {
    text += "0";
  } else {
    text += static_cast<char>('1' + random() % 9);
    text += random() % 4 == 0 ? digits(30) : random() % 2 == 0 ? digits(8) : "";
  }
  if (random() % 4 != 0) {
    text += "." + (random() % 3 == 0 ? std::string(random() % 12, '0') : "") +
            digits(random() % 2 == 0 ? 34 : 6);
  }
  if (random() % 3 == 0) {
    text += random() % 2 == 0 ? "e" : "E";
    text += random() % 3 == 0 ? "-" : random() % 2 == 0 ? "+" : "";
    text += std::to_string(random() % (random() % 4 == 0 ? 340 : 30));
  }
  return text;
}

TEST(ParseJsonNumber, AgreesWithStrtodOnRandomSpellings) {
  std::mt19937_64 random(20261122);
  int read = 0;
  for (int i = 0; i < 150'000; ++i) {
    const std::string text = RandomNumber(random);
    const double expected = std::strtod(text.c_str(), nullptr);
    const JsonNumber number = ParseJsonNumber(text);
    ASSERT_EQ(JsonNumberLength(text), text.size()) << text;
    if (std::isinf(expected)) {
      ASSERT_EQ(number.error, NumberError::kOutOfRange) << text;
      continue;
    }
    if (number.error) {
      ASSERT_EQ(*number.error, NumberError::kInexact) << text;
      ASSERT_GE(std::abs(expected), 0x1p63) << text;
      ASSERT_EQ(text.find_first_of(".eE"), std::string::npos) << text;
      continue;
    }
    ++read;
    ASSERT_EQ(std::bit_cast<uint64_t>(number.value), std::bit_cast<uint64_t>(expected)) << text;
  }
  EXPECT_GT(read, 125'000);
}

// What a producer writes with the fewest digits comes back bit by bit.
TEST(ParseJsonNumber, RandomBitsMakeTheRoundTrip) {
  std::mt19937_64 random(99);
  char text[64];
  for (int i = 0; i < 100'000; ++i) {
    const auto value = std::bit_cast<double>(random());
    if (!std::isfinite(value)) {
      continue;
    }
    std::snprintf(text, sizeof(text), "%.17g", value);
    ASSERT_EQ(std::bit_cast<uint64_t>(ParseJsonNumber(text).value), std::bit_cast<uint64_t>(value))
        << text;
  }
}

TEST(ParseJsonInteger, ReadsOnlyIntegers) {
  EXPECT_EQ(ParseJsonInteger("1795331836117"), 1795331836117);
  EXPECT_EQ(ParseJsonInteger("-5"), -5);
  for (const char* text : {"1.0", "1e3", "", "x", "01", "9223372036854775808", "1 "}) {
    EXPECT_FALSE(ParseJsonInteger(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace rootnote
