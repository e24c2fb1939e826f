#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "fmt/format.h"

#include "rules/prometheus/template_tree.h"
#include "rules/prometheus/template_value.h"

namespace rootnote::prometheus {
namespace {

using Args = std::vector<TemplateValue>;
using Result = absl::StatusOr<TemplateValue>;

absl::Status Error(std::string text) { return absl::InvalidArgumentError(std::move(text)); }

// All functions; Prometheus' are all but the first part.
constexpr TemplateFunction kFunctions[] = {
    {"and", 1, -1, "a"},
    {"eq", 1, -1, "a"},
    {"ge", 2, 2, "a"},
    {"gt", 2, 2, "a"},
    {"html", 0, -1, "a"},
    {"index", 1, -1, "a"},
    {"js", 0, -1, "a"},
    {"le", 2, 2, "a"},
    {"len", 1, 1, "a"},
    {"lt", 2, 2, "a"},
    {"ne", 2, 2, "a"},
    {"not", 1, 1, "a"},
    {"or", 1, -1, "a"},
    {"print", 0, -1, "a"},
    {"printf", 1, -1, "sa"},
    {"println", 0, -1, "a"},
    {"slice", 1, 3, "a"},
    {"urlquery", 0, -1, "a"},
    // Prometheus'
    {"args", 0, -1, "a"},
    {"externalURL", 0, 0, ""},
    {"first", 1, 1, "q"},
    {"graphLink", 1, 1, "s"},
    {"humanize", 1, 1, "a"},
    {"humanize1024", 1, 1, "a"},
    {"humanizeDuration", 1, 1, "a"},
    {"humanizePercentage", 1, 1, "a"},
    {"humanizeTimestamp", 1, 1, "a"},
    {"label", 2, 2, "se"},
    {"match", 2, 2, "s"},
    {"now", 0, 0, ""},
    {"parseDuration", 1, 1, "s"},
    {"pathPrefix", 0, 0, ""},
    {"query", 1, 1, "s"},
    {"reReplaceAll", 3, 3, "s"},
    {"safeHtml", 1, 1, "s"},
    {"sortByLabel", 2, 2, "sq"},
    {"stripDomain", 1, 1, "s"},
    {"stripPort", 1, 1, "s"},
    {"strvalue", 1, 1, "e"},
    {"tableLink", 1, 1, "s"},
    {"title", 1, 1, "s"},
    {"toDuration", 1, 1, "a"},
    {"toLower", 1, 1, "s"},
    {"toTime", 1, 1, "a"},
    {"toUpper", 1, 1, "s"},
    {"urlQueryEscape", 1, 1, "s"},
    {"value", 1, 1, "e"},
};

absl::Status Incompatible(const TemplateValue& a, const TemplateValue& b) {
  return Error(
      fmt::format("incompatible types for comparison: {} and {}", TypeName(a), TypeName(b)));
}

absl::StatusOr<bool> Equal(const TemplateValue& a, const TemplateValue& b) {
  const bool none_a = a.As<NoValue>() != nullptr, none_b = b.As<NoValue>() != nullptr;
  if (none_a || none_b) return none_a && none_b;
  if (a.value.index() != b.value.index()) return Incompatible(a, b);
  if (const auto* flag = a.As<bool>()) return *flag == *b.As<bool>();
  if (const auto* number = a.As<int64_t>()) return *number == *b.As<int64_t>();
  if (const auto* number = a.As<double>()) return *number == *b.As<double>();
  if (const auto* text = a.As<std::string>()) return *text == *b.As<std::string>();
  return Error(fmt::format("non-comparable type {}: {}", Print(a), TypeName(a)));
}

absl::StatusOr<bool> Less(const TemplateValue& a, const TemplateValue& b) {
  const auto basic = [](const TemplateValue& value) {
    return value.As<bool>() != nullptr || value.As<int64_t>() != nullptr ||
           value.As<double>() != nullptr || value.As<std::string>() != nullptr;
  };
  if (!basic(a) || !basic(b) || (a.As<bool>() != nullptr && b.As<bool>() != nullptr)) {
    return Error("invalid type for comparison");
  }
  if (a.value.index() != b.value.index()) return Incompatible(a, b);
  if (const auto* number = a.As<int64_t>()) return *number < *b.As<int64_t>();
  if (const auto* number = a.As<double>()) return *number < *b.As<double>();
  return *a.As<std::string>() < *b.As<std::string>();
}

Result Compare(const std::string& name, const Args& args) {
  if (name == "eq") {
    if (args.size() < 2) return Error("missing argument for comparison");
    for (size_t i = 1; i < args.size(); ++i) {
      ASSIGN_OR_RETURN(const bool equal, Equal(args[0], args[i]));
      if (equal) return TemplateValue{true};
    }
    return TemplateValue{false};
  }
  if (name == "ne") {
    ASSIGN_OR_RETURN(const bool equal, Equal(args[0], args[1]));
    return TemplateValue{!equal};
  }
  ASSIGN_OR_RETURN(const bool less, Less(args[0], args[1]));
  if (name == "lt") return TemplateValue{less};
  if (name == "ge") return TemplateValue{!less};
  // As Go has them: x <= y is less or equal, x > y what is not that.
  ASSIGN_OR_RETURN(const bool equal, Equal(args[0], args[1]));
  return TemplateValue{name == "le" ? less || equal : !(less || equal)};
}

std::optional<int64_t> LengthOf(const TemplateValue& value) {
  const auto size = [](const auto& container) { return static_cast<int64_t>(container.size()); };
  if (const auto* text = value.As<std::string>()) return size(*text);
  if (const auto* map = value.As<TextMapPtr>()) return size(**map);
  if (const auto* map = value.As<AnyMapPtr>()) return size(**map);
  if (const auto* list = value.As<SamplesPtr>()) return size(**list);
  return std::nullopt;
}

Result IndexOne(const TemplateValue& of, const TemplateValue& at) {
  const auto* text_map = of.As<TextMapPtr>();
  const auto* any_map = of.As<AnyMapPtr>();
  if (text_map != nullptr || any_map != nullptr) {
    const auto* key = at.As<std::string>();
    if (key == nullptr) {
      return Error(fmt::format("value has type {}; should be string", TypeName(at)));
    }
    if (text_map != nullptr) {
      const auto found = (*text_map)->find(*key);
      return TemplateValue{found == (*text_map)->end() ? std::string() : found->second};
    }
    const auto found = (*any_map)->find(*key);
    return found == (*any_map)->end() ? TemplateValue{} : found->second;
  }
  const std::optional<int64_t> length = LengthOf(of);
  if (!length) return Error(fmt::format("can't index item of type {}", TypeName(of)));
  const auto* index = at.As<int64_t>();
  if (index == nullptr) {
    return Error(fmt::format("cannot index slice/array with type {}", TypeName(at)));
  }
  if (*index < 0 || *index >= *length) return Error(fmt::format("index out of range: {}", *index));
  const auto position = static_cast<size_t>(*index);
  if (const auto* list = of.As<SamplesPtr>()) return TemplateValue{(**list)[position]};
  return TemplateValue{
      static_cast<int64_t>(static_cast<unsigned char>((*of.As<std::string>())[position]))};
}

Result Index(const Args& args) {
  if (args[0].As<NoValue>() != nullptr) return Error("index of untyped nil");
  TemplateValue value = args[0];
  for (size_t i = 1; i < args.size(); ++i) {
    ASSIGN_OR_RETURN(value, IndexOne(value, args[i]));
  }
  return value;
}

Result Slice(const Args& args) {
  const std::optional<int64_t> length = LengthOf(args[0]);
  const auto* text = args[0].As<std::string>();
  const auto* list = args[0].As<SamplesPtr>();
  if (text == nullptr && list == nullptr) {
    return Error(fmt::format("can't slice item of type {}", TypeName(args[0])));
  }
  std::array<int64_t, 2> bounds = {0, *length};
  for (size_t i = 1; i < args.size(); ++i) {
    const auto* bound = args[i].As<int64_t>();
    if (bound == nullptr) {
      return Error(fmt::format("cannot index slice/array with type {}", TypeName(args[i])));
    }
    if (*bound < 0 || *bound > *length) return Error(fmt::format("index out of range: {}", *bound));
    bounds.at(i - 1) = *bound;
  }
  if (bounds[0] > bounds[1]) {
    return Error(fmt::format("invalid slice index: {} > {}", bounds[0], bounds[1]));
  }
  const auto from = static_cast<size_t>(bounds[0]), count = static_cast<size_t>(bounds[1]) - from;
  if (text != nullptr) return TemplateValue{text->substr(from, count)};
  const auto begin = (*list)->begin() + static_cast<int64_t>(from);
  return TemplateValue{SamplesPtr(
      std::make_shared<std::vector<SamplePtr>>(begin, begin + static_cast<int64_t>(count)))};
}

// fmt.Sprint puts blanks between operands when neither is a string; Sprintln always.
std::string Sprint(const Args& args, bool line) {
  std::string text;
  for (size_t i = 0; i < args.size(); ++i) {
    const bool texts =
        i > 0 && (args[i].As<std::string>() != nullptr || args[i - 1].As<std::string>() != nullptr);
    if (i > 0 && (line || !texts)) text += ' ';
    text += args[i].As<NoValue>() != nullptr ? "<nil>" : Print(args[i]);
  }
  return line ? text + "\n" : text;
}

std::string Replaced(const std::string& text, std::string_view what, bool script) {
  std::string escaped;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (script && (c == '\\' || c == '\'' || c == '"')) {
      escaped += fmt::format("\\{}", c);
    } else if (what.find(c) != std::string_view::npos || (script && byte < 0x20)) {
      escaped += script     ? fmt::format("\\u{:04X}", byte)
                 : c == '&' ? std::string("&amp;")
                 : c == '<' ? std::string("&lt;")
                 : c == '>' ? std::string("&gt;")
                            : fmt::format("&#{};", static_cast<int>(byte));
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string EscapeArgs(const std::string& name, const Args& args) {
  const std::string text = Sprint(args, false);
  return name == "html" ? Replaced(text, "&<>\"'", false) : Replaced(text, "&<>=", true);
}

}  // namespace

const TemplateFunction* FindTemplateFunction(const std::string& name) {
  for (const TemplateFunction& function : kFunctions) {
    if (name == function.name) return &function;
  }
  return nullptr;
}

Result CallTemplateFunction(const std::string& name, const Args& args,
                            const TemplateContext& context) {
  for (const char* comparison : {"eq", "ne", "lt", "le", "gt", "ge"}) {
    if (name == comparison) return Compare(name, args);
  }
  if (name == "not") return TemplateValue{!IsTrue(args[0])};
  if (name == "len") {
    if (args[0].As<NoValue>() != nullptr) return Error("len of nil pointer");
    const std::optional<int64_t> length = LengthOf(args[0]);
    if (!length) return Error(fmt::format("len of type {}", TypeName(args[0])));
    return TemplateValue{*length};
  }
  if (name == "index") return Index(args);
  if (name == "slice") return Slice(args);
  if (name == "print" || name == "println") return TemplateValue{Sprint(args, name == "println")};
  if (name == "printf") {
    return TemplateValue{GoPrintf(*args[0].As<std::string>(), Args(args.begin() + 1, args.end()))};
  }
  if (name == "html" || name == "js") return TemplateValue{EscapeArgs(name, args)};
  if (name == "urlquery") {
    return CallPrometheusFunction("urlQueryEscape", {{Sprint(args, false)}}, context);
  }
  return CallPrometheusFunction(name, args, context);
}

}  // namespace rootnote::prometheus
