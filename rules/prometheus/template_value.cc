#include "rules/prometheus/template_value.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <utility>

#include "fmt/format.h"

#include "rules/unquote.h"
#include "schemas/base/time.h"

namespace rootnote::prometheus {
namespace {

// A directive of fmt: %[flags][width][.precision]verb.
struct Directive {
  bool minus = false, plus = false, sharp = false, space = false, zero = false;
  int width = -1, precision = -1;
  char verb = 0;
};

constexpr int kWidthMax = 1'000'000;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

int TakeInteger(std::string_view& text) {
  int value = 0;
  while (!text.empty() && IsDigit(text.front()) && value < kWidthMax) {
    value = value * 10 + (text.front() - '0');
    text.remove_prefix(1);
  }
  return std::min(value, kWidthMax);
}

size_t CodePoints(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

std::string Pad(std::string text, const Directive& directive, bool number) {
  const size_t length = CodePoints(text);
  const size_t width = directive.width < 0 ? 0 : static_cast<size_t>(directive.width);
  if (length >= width) return text;
  const size_t missing = width - length;
  if (directive.minus) return text + std::string(missing, ' ');
  if (directive.zero && number) {
    const bool is_signed = !text.empty() && (text[0] == '-' || text[0] == '+');
    return text.substr(0, is_signed ? 1 : 0) + std::string(missing, '0') +
           text.substr(is_signed ? 1 : 0);
  }
  return std::string(missing, ' ') + text;
}

std::string WithSign(std::string text, const Directive& directive) {
  if (directive.plus && !text.starts_with('-') && !text.starts_with('+') && text != "NaN") {
    return "+" + text;
  }
  if (directive.space && !text.starts_with('-') && !text.starts_with('+')) return " " + text;
  return text;
}

std::string Bad(const Directive& directive, const TemplateValue& value) {
  if (value.As<NoValue>() != nullptr) return fmt::format("%!{}(<nil>)", directive.verb);
  return fmt::format("%!{}({}={})", directive.verb, TypeName(value), Print(value));
}

std::string PrintFloat(double value, const Directive& directive, const TemplateValue& whole) {
  std::string text;
  switch (directive.verb) {
    case 'v':
      text = directive.precision < 0 ? FormatShortest(value)
                                     : FormatFloat(value, 'g', directive.precision);
      break;
    case 'g':
    case 'G':
      text = directive.precision < 0 ? FormatShortest(value)
                                     : FormatFloat(value, 'g', directive.precision);
      break;
    case 'e':
    case 'E':
    case 'f':
    case 'F': {
      const char verb = directive.verb == 'F' ? 'f' : directive.verb;
      text = FormatFloat(value, verb, directive.precision < 0 ? 6 : directive.precision);
      break;
    }
    default:
      return Bad(directive, whole);
  }
  // Infinity has its sign only where it is asked for or negative; Go prints it always.
  const bool finite = std::isfinite(value);
  Directive padding = directive;
  if (!finite) padding.zero = false;
  return Pad(WithSign(std::move(text), directive), padding, true);
}

std::string PrintInteger(int64_t value, const Directive& directive, const TemplateValue& whole) {
  switch (directive.verb) {
    case 'v':
    case 'd':
      return Pad(WithSign(fmt::format("{}", value), directive), directive, true);
    case 'x':
      return Pad(
          WithSign(directive.sharp ? fmt::format("{:#x}", value) : fmt::format("{:x}", value),
                   directive),
          directive, true);
    case 'X':
      return Pad(
          WithSign(directive.sharp ? fmt::format("{:#X}", value) : fmt::format("{:X}", value),
                   directive),
          directive, true);
    case 'o':
      return Pad(WithSign(fmt::format("{:o}", value), directive), directive, true);
    case 'b':
      return Pad(WithSign(fmt::format("{:b}", value), directive), directive, true);
    case 'c':
      return Pad(value > 0 && value < 0x80 ? std::string(1, static_cast<char>(value)) : "?",
                 directive, false);
    default:
      return Bad(directive, whole);
  }
}

std::string PrintText(const std::string& value, const Directive& directive,
                      const TemplateValue& whole) {
  std::string text = value;
  if (directive.precision >= 0 && directive.verb != 'x' && directive.verb != 'X') {
    std::string_view rest = text;
    size_t end = 0;
    for (int i = 0; i < directive.precision && end < text.size(); ++i) {
      end += std::max<size_t>(CodePointLength(rest.substr(end)), 1);
    }
    text.resize(end);
  }
  switch (directive.verb) {
    case 'v':
    case 's':
      return Pad(text, directive, true);
    case 'q':
      return Pad(Quote(text), directive, false);
    case 'x':
    case 'X': {
      std::string hex;
      for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        hex += directive.verb == 'x' ? fmt::format("{:02x}", byte) : fmt::format("{:02X}", byte);
      }
      return Pad(hex, directive, false);
    }
    default:
      return Bad(directive, whole);
  }
}

std::string PrintOne(const TemplateValue& value, const Directive& directive) {
  if (directive.verb == 'T') return Pad(TypeName(value), directive, false);
  if (const auto* number = value.As<double>()) return PrintFloat(*number, directive, value);
  if (const auto* number = value.As<int64_t>()) return PrintInteger(*number, directive, value);
  if (const auto* text = value.As<std::string>()) return PrintText(*text, directive, value);
  if (const auto* flag = value.As<bool>()) {
    if (directive.verb != 't' && directive.verb != 'v') return Bad(directive, value);
    return Pad(*flag ? "true" : "false", directive, false);
  }
  if (value.As<NoValue>() != nullptr) {
    return directive.verb == 'v' ? Pad("<nil>", directive, false) : Bad(directive, value);
  }
  if (directive.verb == 'v' || directive.verb == 's') return Pad(Print(value), directive, false);
  if (const auto* duration = value.As<GoDuration>()) {
    return PrintInteger(duration->nanos, directive, value);
  }
  return Bad(directive, value);
}

void TakeFlags(std::string_view& format, Directive& directive) {
  for (; !format.empty(); format.remove_prefix(1)) {
    switch (format.front()) {
      case '-':
        directive.minus = true;
        break;
      case '+':
        directive.plus = true;
        break;
      case '#':
        directive.sharp = true;
        break;
      case ' ':
        directive.space = true;
        break;
      case '0':
        directive.zero = true;
        break;
      default:
        return;
    }
  }
}

// A number, or * for an argument that is one.
bool TakeAmount(std::string_view& format, const std::vector<TemplateValue>& args, size_t& next,
                int& amount) {
  if (!format.empty() && format.front() == '*') {
    format.remove_prefix(1);
    const auto* number = next < args.size() ? args[next].As<int64_t>() : nullptr;
    if (next < args.size()) ++next;
    if (number == nullptr || std::abs(*number) > kWidthMax) return false;
    amount = static_cast<int>(*number);
  } else if (!format.empty() && IsDigit(format.front())) {
    amount = TakeInteger(format);
  }
  return true;
}

std::string PrintMap(const std::map<std::string, std::string>& map) {
  std::string text = "map[";
  for (const auto& [name, value] : map) {
    text += (text.size() > 4 ? " " : "") + name + ":" + value;
  }
  return text + "]";
}

std::string Trimmed(std::string digits) {
  while (digits.ends_with('0')) digits.pop_back();
  return digits.empty() ? "" : "." + digits;
}

}  // namespace

std::string TypeName(const TemplateValue& value) {
  static constexpr std::array<const char*, 12> kNames = {
      "<nil>",
      "bool",
      "int",
      "float64",
      "string",
      "map[string]string",
      "map[string]interface {}",
      "*template.sample",
      "template.queryResult",
      "struct { Labels map[string]string; ExternalLabels map[string]string; ExternalURL string; "
      "Value interface {} }",
      "*time.Time",
      "*time.Duration"};
  return kNames.at(value.value.index());
}

bool IsTrue(const TemplateValue& value) {
  if (value.As<NoValue>() != nullptr) return false;
  if (const auto* flag = value.As<bool>()) return *flag;
  if (const auto* number = value.As<int64_t>()) return *number != 0;
  if (const auto* number = value.As<double>()) return *number != 0;
  if (const auto* text = value.As<std::string>()) return !text->empty();
  if (const auto* map = value.As<TextMapPtr>()) return !(*map)->empty();
  if (const auto* map = value.As<AnyMapPtr>()) return !(*map)->empty();
  if (const auto* list = value.As<SamplesPtr>()) return !(*list)->empty();
  return true;
}

std::string FormatFloat(double value, char verb, int precision) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  precision = std::min(precision, 1000);
  const std::string format = {'%', '.', '*', verb, '\0'};
  const int size = std::snprintf(nullptr, 0, format.c_str(), precision, value);
  std::string text(static_cast<size_t>(size) + 1, '\0');
  std::snprintf(text.data(), text.size(), format.c_str(), precision, value);
  text.pop_back();
  return text;
}

std::string FormatShortest(double value) {
  if (!std::isfinite(value)) return FormatFloat(value, 'g', 6);
  std::array<char, 400> buffer{};
  const auto scientific = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                        std::chars_format::scientific);
  std::string text(buffer.data(), scientific.ptr);
  const size_t e = text.find('e');
  const int exponent = std::atoi(text.c_str() + e + 1);
  if (value != 0 && (exponent < -4 || exponent >= 6)) return text;
  const auto fixed =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed);
  return {buffer.data(), fixed.ptr};
}

std::string Print(const TemplateValue& value) {
  if (value.As<NoValue>() != nullptr) return "<no value>";
  if (const auto* flag = value.As<bool>()) return *flag ? "true" : "false";
  if (const auto* number = value.As<int64_t>()) return fmt::format("{}", *number);
  if (const auto* number = value.As<double>()) return FormatShortest(*number);
  if (const auto* text = value.As<std::string>()) return *text;
  if (const auto* map = value.As<TextMapPtr>()) return PrintMap(**map);
  if (const auto* map = value.As<AnyMapPtr>()) {
    std::map<std::string, std::string> texts;
    for (const auto& [name, item] : **map) {
      texts[name] = item.As<NoValue>() != nullptr ? "<nil>" : Print(item);
    }
    return PrintMap(texts);
  }
  if (const auto* sample = value.As<SamplePtr>()) {
    return fmt::format("{{{} {}}}", PrintMap((*sample)->labels), FormatShortest((*sample)->value));
  }
  if (const auto* list = value.As<SamplesPtr>()) {
    std::string text = "[";
    for (const SamplePtr& sample : **list) {
      text += (text.size() > 1 ? " " : "") + Print({sample});
    }
    return text + "]";
  }
  if (const auto* time = value.As<GoTime>()) return FormatGoTime(*time);
  if (const auto* duration = value.As<GoDuration>()) return FormatGoDuration(*duration);
  const TemplateContext& context = **value.As<const TemplateContext*>();
  return fmt::format("{{{} {} {} {}}}", PrintMap(ToTextMap(context.labels)),
                     PrintMap(ToTextMap(context.external_labels)), context.external_url,
                     FormatShortest(context.value));
}

std::string GoPrintf(std::string_view format, const std::vector<TemplateValue>& args) {
  std::string text;
  size_t next = 0;
  while (!format.empty()) {
    const size_t percent = std::min(format.find('%'), format.size());
    text += format.substr(0, percent);
    format.remove_prefix(percent);
    if (format.empty()) break;
    format.remove_prefix(1);
    Directive directive;
    TakeFlags(format, directive);
    if (!TakeAmount(format, args, next, directive.width)) text += "%!(BADWIDTH)";
    if (directive.width < -1) {
      directive.minus = true;
      directive.width = -directive.width;
    }
    if (!format.empty() && format.front() == '.') {
      format.remove_prefix(1);
      directive.precision = 0;
      if (!TakeAmount(format, args, next, directive.precision)) text += "%!(BADPREC)";
    }
    if (format.empty()) {
      text += "%!(NOVERB)";
      break;
    }
    directive.verb = format.front();
    format.remove_prefix(1);
    if (directive.minus) directive.zero = false;
    if (directive.verb == '%') {
      text += '%';
    } else if (next >= args.size()) {
      text += fmt::format("%!{}(MISSING)", directive.verb);
    } else {
      text += PrintOne(args[next++], directive);
    }
  }
  if (next < args.size()) {
    text += "%!(EXTRA ";
    for (size_t i = next; i < args.size(); ++i) {
      const bool none = args[i].As<NoValue>() != nullptr;
      text += i > next ? ", " : "";
      text += none ? "<nil>" : TypeName(args[i]) + "=" + Print(args[i]);
    }
    text += ")";
  }
  return text;
}

std::string FormatGoTime(GoTime time) {
  int64_t seconds = time.millis / 1000, rest = time.millis % 1000;
  if (rest < 0) {
    rest += 1000;
    --seconds;
  }
  const std::string rfc3339 = FormatRfc3339(FromMillis(seconds * 1000));
  std::string text = rfc3339.substr(0, rfc3339.size() - 1);  // without its Z
  std::replace(text.begin(), text.end(), 'T', ' ');
  return text + Trimmed(fmt::format("{:03}", rest)) + " +0000 UTC";
}

std::string FormatGoDuration(GoDuration duration) {
  if (duration.nanos == 0) return "0s";
  const bool negative = duration.nanos < 0;
  const auto nanos = negative ? uint64_t{0} - static_cast<uint64_t>(duration.nanos)
                              : static_cast<uint64_t>(duration.nanos);
  std::string text = negative ? "-" : "";
  if (nanos < 1000) return text + fmt::format("{}ns", nanos);
  if (nanos < 1'000'000) {
    return text + fmt::format("{}{}µs", nanos / 1000, Trimmed(fmt::format("{:03}", nanos % 1000)));
  }
  if (nanos < 1'000'000'000) {
    return text + fmt::format("{}{}ms", nanos / 1'000'000,
                              Trimmed(fmt::format("{:06}", nanos % 1'000'000)));
  }
  const uint64_t seconds = nanos / 1'000'000'000;
  if (seconds >= 3600) text += fmt::format("{}h", seconds / 3600);
  if (seconds >= 60) text += fmt::format("{}m", seconds / 60 % 60);
  return text +
         fmt::format("{}{}s", seconds % 60, Trimmed(fmt::format("{:09}", nanos % 1'000'000'000)));
}

std::map<std::string, std::string> ToTextMap(const Labels& labels) {
  std::map<std::string, std::string> map;
  for (const auto& [name, value] : labels.ToVector()) map.emplace(name, value);
  return map;
}

}  // namespace rootnote::prometheus
