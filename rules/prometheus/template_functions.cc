#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "fmt/format.h"
#include "re2/re2.h"

#include "rules/prometheus/template_tree.h"
#include "rules/prometheus/template_value.h"
#include "rules/prometheus/yaml_tree.h"
#include "rules/unquote.h"
#include "schemas/base/string_view.h"

namespace rootnote::prometheus {
namespace {

using Args = std::vector<TemplateValue>;
using Result = absl::StatusOr<TemplateValue>;

absl::Status Error(std::string text) { return absl::InvalidArgumentError(std::move(text)); }

const std::string& TextOf(const TemplateValue& value) { return *value.As<std::string>(); }

// common's ConvertToFloat.
absl::StatusOr<double> ToFloat(const TemplateValue& value) {
  if (const auto* number = value.As<double>()) return *number;
  if (const auto* number = value.As<int64_t>()) return static_cast<double>(*number);
  if (const auto* duration = value.As<GoDuration>()) {
    return static_cast<double>(duration->nanos) / 1e9;
  }
  if (const auto* text = value.As<std::string>()) {
    std::string_view rest = *text;
    if (rest.starts_with('+')) rest.remove_prefix(1);
    double number = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (error == std::errc() && end == rest.data() + rest.size() && !rest.empty()) return number;
    return Error(fmt::format("strconv.ParseFloat: parsing {}: invalid syntax", Quote(*text)));
  }
  return Error(fmt::format("can't convert {} to float", TypeName(value)));
}

std::string FourDigits(double value) { return FormatFloat(value, 'g', 4); }

std::string SmallPrefix(double& value) {
  std::string prefix;
  for (const char* next : {"m", "u", "n", "p", "f", "a", "z", "y"}) {
    if (std::abs(value) >= 1) break;
    prefix = next;
    value *= 1000;
  }
  return prefix;
}

std::string LargePrefix(double& value, double base, const std::array<const char*, 8>& prefixes) {
  std::string prefix;
  for (const char* next : prefixes) {
    if (std::abs(value) < base) break;
    prefix = next;
    value /= base;
  }
  return prefix;
}

std::string Humanize(double value) {
  if (value == 0 || !std::isfinite(value)) return FourDigits(value);
  const std::string prefix =
      std::abs(value) >= 1 ? LargePrefix(value, 1000, {"k", "M", "G", "T", "P", "E", "Z", "Y"})
                           : SmallPrefix(value);
  return FourDigits(value) + prefix;
}

std::string Humanize1024(double value) {
  if (std::abs(value) <= 1 || !std::isfinite(value)) return FourDigits(value);
  const std::string prefix =
      LargePrefix(value, 1024, {"ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"});
  return FourDigits(value) + prefix;
}

std::string HumanizeDuration(double value) {
  if (!std::isfinite(value)) return FourDigits(value);
  if (value == 0) return FourDigits(value) + "s";
  if (std::abs(value) < 1) {
    const std::string prefix = SmallPrefix(value);
    return FourDigits(value) + prefix + "s";
  }
  const std::string sign = value < 0 ? "-" : "";
  value = std::abs(value);
  const auto whole = static_cast<int64_t>(std::min(value, 9.2e18));
  const int64_t seconds = whole % 60, minutes = whole / 60 % 60, hours = whole / 3600 % 24;
  const int64_t days = whole / 86400;
  if (days != 0) return fmt::format("{}{}d {}h {}m {}s", sign, days, hours, minutes, seconds);
  if (hours != 0) return fmt::format("{}{}h {}m {}s", sign, hours, minutes, seconds);
  if (minutes != 0) return fmt::format("{}{}m {}s", sign, minutes, seconds);
  return sign + FourDigits(value) + "s";
}

Result ToTime(double value) {
  if (!std::isfinite(value)) return Error("value is NaN or Inf");
  const double nanos = value * 1e9;
  if (nanos > 9223372036854775807.0 || nanos < -9223372036854775808.0) {
    return Error(
        fmt::format("{} cannot be represented as a nanoseconds timestamp since it overflows int64",
                    FormatShortest(value)));
  }
  // 2^63 itself is no int64; Go's conversion gives the smallest one.
  const int64_t whole = nanos >= 9223372036854775807.0 ? INT64_MIN : static_cast<int64_t>(nanos);
  return TemplateValue{GoTime{whole / 1'000'000}};
}

Result HumanizeTimestamp(double value) {
  if (!std::isfinite(value)) return TemplateValue{FourDigits(value)};
  ASSIGN_OR_RETURN(const TemplateValue time, ToTime(value));
  return TemplateValue{FormatGoTime(*time.As<GoTime>())};
}

// Go's net.SplitHostPort, without the reason why it is none.
bool SplitHostPort(const std::string& text, std::string& host, std::string& port) {
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) return false;
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    if (end == std::string::npos || end + 1 != colon) return false;
    host = text.substr(1, end - 1);
  } else {
    host = text.substr(0, colon);
    if (host.find(':') != std::string::npos) return false;
  }
  port = text.substr(colon + 1);
  return host.find_first_of("[]") == std::string::npos &&
         port.find_first_of("[]") == std::string::npos;
}

bool IsIpAddress(const std::string& text) {
  static const RE2 kFour(
      R"((\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5])(\.(\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5])){3})");
  static const RE2 kSix(R"([0-9A-Fa-f:]*:[0-9A-Fa-f:.]*(%.+)?)");
  return RE2::FullMatch(text, kFour) || RE2::FullMatch(text, kSix);
}

std::string StripDomain(const std::string& text) {
  std::string host, port;
  if (!SplitHostPort(text, host, port)) {
    host = text;
    port.clear();
  }
  if (IsIpAddress(host)) return text;
  host = host.substr(0, host.find('.'));
  if (port.empty()) return host;
  return host.find(':') == std::string::npos ? host + ":" + port : "[" + host + "]:" + port;
}

std::string QueryEscape(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 && byte < 0x80) {
      escaped += c;
    } else if (c == '-' || c == '_' || c == '.' || c == '~') {
      escaped += c;
    } else if (c == ' ') {
      escaped += '+';
    } else {
      escaped += fmt::format("%{:02X}", byte);
    }
  }
  return escaped;
}

std::string Title(const std::string& text) {
  std::string titled = text;
  bool inside = false;
  for (size_t i = 0; i < titled.size(); ++i) {
    const auto byte = static_cast<unsigned char>(titled[i]);
    const bool letter = std::isalnum(byte) != 0 || byte >= 0x80 || titled[i] == '_';
    if (!inside && letter) titled[i] = static_cast<char>(std::toupper(byte));
    // don't, a.b: one word to Unicode, when letters are on both sides.
    const bool joins = inside && (titled[i] == '\'' || titled[i] == '.' || titled[i] == ':') &&
                       i + 1 < titled.size() &&
                       std::isalpha(static_cast<unsigned char>(titled[i + 1])) != 0;
    inside = letter || joins;
  }
  return titled;
}

// Go's Regexp.Expand: $1, ${1}, $name; the longest name counts.
void AppendExpanded(const std::string& with, const re2::RE2& regex,
                    const std::vector<re2::StringPiece>& groups, std::string& out) {
  for (size_t i = 0; i < with.size();) {
    if (with[i] != '$') {
      out += with[i++];
      continue;
    }
    if (with.substr(i, 2) == "$$") {
      out += '$';
      i += 2;
      continue;
    }
    const bool braces = i + 1 < with.size() && with[i + 1] == '{';
    size_t end = i + (braces ? 2 : 1);
    const size_t begin = end;
    while (end < with.size() &&
           (std::isalnum(static_cast<unsigned char>(with[end])) != 0 || with[end] == '_')) {
      ++end;
    }
    const std::string name = with.substr(begin, end - begin);
    if (name.empty() || (braces && (end >= with.size() || with[end] != '}'))) {
      out += with[i++];
      continue;
    }
    size_t group = groups.size();
    if (name.find_first_not_of("0123456789") == std::string::npos && name.size() < 6) {
      group = static_cast<size_t>(std::atoi(name.c_str()));
    } else if (const auto named = regex.NamedCapturingGroups().find(name);
               named != regex.NamedCapturingGroups().end()) {
      group = static_cast<size_t>(named->second);
    }
    if (group < groups.size()) out.append(groups[group].data(), groups[group].size());
    i = end + (braces ? 1 : 0);
  }
}

Result ReplaceAll(const std::string& pattern, const std::string& with, const std::string& text) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  const re2::RE2 regex(pattern, options);
  if (!regex.ok()) {
    return Error(fmt::format("regexp: Compile({}): {}", Quote(pattern), regex.error()));
  }
  const re2::StringPiece whole(text.data(), text.size());
  std::vector<re2::StringPiece> groups(static_cast<size_t>(regex.NumberOfCapturingGroups()) + 1);
  std::string out;
  size_t kept = 0, from = 0;
  while (from <= text.size() && regex.Match(whole, from, text.size(), re2::RE2::UNANCHORED,
                                            groups.data(), static_cast<int>(groups.size()))) {
    const auto begin = static_cast<size_t>(groups[0].data() - text.data());
    const size_t end = begin + groups[0].size();
    out.append(text, kept, begin - kept);
    // An empty match right behind a match does not count.
    if (end > kept || begin == 0) AppendExpanded(with, regex, groups, out);
    kept = end;
    // Past this match, and always by a character at least.
    const size_t width = std::max<size_t>(CodePointLength(std::string_view(text).substr(from)), 1);
    from = from + width > end ? from + width : end;
  }
  if (kept < text.size()) out.append(text, kept, std::string::npos);
  return TemplateValue{std::move(out)};
}

Result Query(const std::string& expr, const TemplateContext& context) {
  if (!context.query) return Error("queries are not available here");
  ASSIGN_OR_RETURN(const promql::Vector vector, context.query(expr));
  auto samples = std::make_shared<std::vector<SamplePtr>>();
  for (const promql::Element& element : vector) {
    auto sample = std::make_shared<TemplateSample>();
    sample->labels = ToTextMap(element.labels);
    sample->value = element.value;
    samples->push_back(std::move(sample));
  }
  return TemplateValue{SamplesPtr(std::move(samples))};
}

Result OfSamples(const std::string& name, const Args& args) {
  const auto label = [](const TemplateSample& sample, const std::string& key) {
    const auto found = sample.labels.find(key);
    return found == sample.labels.end() ? std::string() : found->second;
  };
  if (name == "first") {
    const SamplesPtr& samples = *args[0].As<SamplesPtr>();
    if (samples->empty()) return Error("first() called on vector with no elements");
    return TemplateValue{samples->front()};
  }
  if (name == "sortByLabel") {
    auto sorted = std::make_shared<std::vector<SamplePtr>>(**args[1].As<SamplesPtr>());
    std::stable_sort(sorted->begin(), sorted->end(), [&](const SamplePtr& a, const SamplePtr& b) {
      return label(*a, TextOf(args[0])) < label(*b, TextOf(args[0]));
    });
    return TemplateValue{SamplesPtr(std::move(sorted))};
  }
  if (name == "value") return TemplateValue{(*args[0].As<SamplePtr>())->value};
  if (name == "strvalue") return TemplateValue{label(**args[0].As<SamplePtr>(), "__value__")};
  return TemplateValue{label(**args[1].As<SamplePtr>(), TextOf(args[0]))};
}

Result OfNumber(const std::string& name, const TemplateValue& arg) {
  ASSIGN_OR_RETURN(const double value, ToFloat(arg));
  if (name == "humanize") return TemplateValue{Humanize(value)};
  if (name == "humanize1024") return TemplateValue{Humanize1024(value)};
  if (name == "humanizeDuration") return TemplateValue{HumanizeDuration(value)};
  if (name == "humanizePercentage") return TemplateValue{FourDigits(value * 100) + "%"};
  if (name == "humanizeTimestamp") return HumanizeTimestamp(value);
  if (name == "toTime") return ToTime(value);
  const double nanos = value * 1e9;
  // Go on amd64: what is no int64 becomes the smallest one.
  const bool fits = nanos < 9223372036854775807.0 && nanos >= -9223372036854775808.0;
  return TemplateValue{GoDuration{fits ? static_cast<int64_t>(nanos) : INT64_MIN}};
}

Result OfText(const std::string& name, const Args& args) {
  std::string text = TextOf(args[0]);
  if (name == "toUpper" || name == "toLower") {
    std::transform(text.begin(), text.end(), text.begin(), [&](char c) {
      if (static_cast<unsigned char>(c) >= 0x80) return c;
      return static_cast<char>(name == "toUpper" ? std::toupper(c) : std::tolower(c));
    });
    return TemplateValue{std::move(text)};
  }
  if (name == "title") return TemplateValue{Title(text)};
  if (name == "match") {
    re2::RE2::Options options;
    options.set_log_errors(false);
    const re2::RE2 regex(text, options);
    if (!regex.ok()) return Error(fmt::format("error parsing regexp: {}", regex.error()));
    return TemplateValue{re2::RE2::PartialMatch(TextOf(args[1]), regex)};
  }
  if (name == "reReplaceAll") return ReplaceAll(text, TextOf(args[1]), TextOf(args[2]));
  if (name == "graphLink" || name == "tableLink") {
    return TemplateValue{
        fmt::format("/graph?g0.expr={}&g0.tab={}", QueryEscape(text), name == "graphLink" ? 0 : 1)};
  }
  if (name == "stripPort") {
    std::string host, port;
    return TemplateValue{SplitHostPort(text, host, port) ? host : text};
  }
  if (name == "stripDomain") return TemplateValue{StripDomain(text)};
  if (name == "urlQueryEscape") return TemplateValue{QueryEscape(text)};
  if (name == "parseDuration") {
    const bool negative = text.starts_with('-');
    const std::optional<Millis> duration = ParseModelDuration(text.substr(negative ? 1 : 0));
    if (!duration) return Error(fmt::format("not a valid duration string: {}", Quote(text)));
    const double seconds = static_cast<double>(duration->count()) / 1000;
    return TemplateValue{negative ? -seconds : seconds};
  }
  return TemplateValue{std::move(text)};  // safeHtml
}

Result ServerUrl(bool path_only, const TemplateContext& context) {
  if (!context.server_url) {
    return Error("runtime error: invalid memory address or nil pointer dereference");
  }
  const std::string& url = *context.server_url;
  if (!path_only) return TemplateValue{url};
  const size_t host = url.find("://");
  const size_t path = url.find('/', host == std::string::npos ? 0 : host + 3);
  if (path == std::string::npos) return TemplateValue{std::string()};
  return TemplateValue{url.substr(path, url.find_first_of("?#", path) - path)};
}

}  // namespace

Result CallPrometheusFunction(const std::string& name, const Args& args,
                              const TemplateContext& context) {
  if (name == "query") return Query(TextOf(args[0]), context);
  if (name == "now") {
    return TemplateValue{static_cast<double>(ToMillis(context.now)) / 1000.0};
  }
  if (name == "externalURL" || name == "pathPrefix")
    return ServerUrl(name == "pathPrefix", context);
  if (name == "args") {
    auto map = std::make_shared<std::map<std::string, TemplateValue>>();
    for (size_t i = 0; i < args.size(); ++i) (*map)[fmt::format("arg{}", i)] = args[i];
    return TemplateValue{AnyMapPtr(std::move(map))};
  }
  for (const char* of_samples : {"first", "sortByLabel", "value", "strvalue", "label"}) {
    if (name == of_samples) return OfSamples(name, args);
  }
  const bool of_number = name.starts_with("humanize") || name == "toTime" || name == "toDuration";
  return of_number ? OfNumber(name, args[0]) : OfText(name, args);
}

}  // namespace rootnote::prometheus
