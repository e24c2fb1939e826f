#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <utility>

#include "fmt/format.h"

#include "rules/prometheus/template.h"
#include "rules/prometheus/template_tree.h"
#include "rules/prometheus/template_value.h"
#include "rules/unquote.h"

namespace rootnote::prometheus {
namespace {

using Kind = TemplateNode::Kind;

// A template may call itself, and range within range. Go grows its stack for 100,000 calls; ours
// is what the thread has.
constexpr int kDepthMax = 100;
constexpr size_t kOutputMax = 1 << 20;
constexpr int64_t kStepsMax = 1'000'000;

enum class Flow : uint8_t { kNext, kBreak, kContinue };

bool IsValid(const TemplateValue& value) { return value.As<NoValue>() == nullptr; }

// Recursive; an error stops everything, as `status_` is looked at behind every step.
class Execution {
 public:
  Execution(const Template& parsed, const TemplateContext& context)
      : template_(parsed), context_(context), name_(parsed.name()) {}

  absl::StatusOr<std::string> Run() {
    const TemplateValue data{&context_};
    variables_ = {{"$", data}};
    Walk(template_.root(), data);
    if (!status_.ok()) return status_;
    return std::move(out_);
  }

 private:
  bool failed() const { return !status_.ok(); }

  void Fail(const TemplateNode& at, const std::string& what) {
    if (failed()) return;
    const std::string_view before = std::string_view(template_.text()).substr(0, at.position);
    const size_t line = before.rfind('\n');
    const size_t column = line == std::string_view::npos ? before.size() : before.size() - line - 1;
    status_ = absl::InvalidArgumentError(
        fmt::format("template: {}:{}:{}: executing {} at <{}>: {}", template_.name(),
                    1 + std::count(before.begin(), before.end(), '\n'), column, Quote(name_),
                    at.ToString(), what));
  }

  bool CountStep(const TemplateNode& at) {
    if (++steps_ > kStepsMax || out_.size() > kOutputMax) Fail(at, "the template takes too long");
    return !failed();
  }

  Flow Walk(const TemplateNode& node, const TemplateValue& dot) {
    if (!CountStep(node)) return Flow::kNext;
    switch (node.kind) {
      case Kind::kList:
        for (const auto& child : node.children) {
          if (child == nullptr) continue;
          const Flow flow = Walk(*child, dot);
          if (failed() || flow != Flow::kNext) return flow;
        }
        return Flow::kNext;
      case Kind::kText:
        out_ += node.text;
        return Flow::kNext;
      case Kind::kAction: {
        const TemplateNode& pipe = *node.children[0];
        const TemplateValue value = Pipeline(pipe, dot);
        if (!failed() && pipe.names.empty()) out_ += Print(value);
        return Flow::kNext;
      }
      case Kind::kIf:
      case Kind::kWith:
        return WalkIf(node, dot);
      case Kind::kRange:
        return WalkRange(node, dot);
      case Kind::kTemplate:
        WalkTemplate(node, dot);
        return Flow::kNext;
      case Kind::kBreak:
        return Flow::kBreak;
      case Kind::kContinue:
        return Flow::kContinue;
      default:
        return Flow::kNext;
    }
  }

  Flow WalkIf(const TemplateNode& node, const TemplateValue& dot) {
    const size_t mark = variables_.size();
    const TemplateValue value = Pipeline(*node.children[0], dot);
    Flow flow = Flow::kNext;
    if (!failed()) {
      if (IsTrue(value)) {
        flow = Walk(*node.children[1], node.kind == Kind::kWith ? value : dot);
      } else if (node.children[2] != nullptr) {
        flow = Walk(*node.children[2], dot);
      }
    }
    variables_.resize(mark);
    return flow;
  }

  // The pairs that a range goes through; false when there is no range over the value.
  bool Elements(const TemplateValue& value,
                std::vector<std::pair<TemplateValue, TemplateValue>>& elements) const {
    if (const auto* list = value.As<SamplesPtr>()) {
      for (size_t i = 0; i < (*list)->size(); ++i) {
        elements.push_back({{static_cast<int64_t>(i)}, {(**list)[i]}});
      }
    } else if (const auto* map = value.As<TextMapPtr>()) {
      for (const auto& [key, item] : **map) elements.push_back({{key}, {item}});
    } else if (const auto* any = value.As<AnyMapPtr>()) {
      for (const auto& [key, item] : **any) elements.emplace_back(TemplateValue{key}, item);
    } else if (const auto* count = value.As<int64_t>()) {
      const int64_t most = std::min<int64_t>(*count, kStepsMax + 1);
      for (int64_t i = 0; i < most; ++i) elements.push_back({{i}, {i}});
    } else if (IsValid(value)) {
      return false;
    }
    return true;
  }

  Flow WalkRange(const TemplateNode& node, const TemplateValue& dot) {
    const size_t mark = variables_.size();
    const TemplateNode& pipe = *node.children[0];
    const TemplateValue value = Pipeline(pipe, dot, true);
    if (failed()) return Flow::kNext;
    std::vector<std::pair<TemplateValue, TemplateValue>> elements;
    if (!Elements(value, elements)) {
      Fail(pipe, fmt::format("range can't iterate over {}", Print(value)));
      return Flow::kNext;
    }
    Flow flow = Flow::kNext;
    for (const auto& [key, item] : elements) {
      const size_t inner = variables_.size();
      SetRangeVariables(pipe, key, item);
      flow = Walk(*node.children[1], item);
      variables_.resize(inner);
      if (failed() || flow == Flow::kBreak) break;
      flow = Flow::kNext;
    }
    if (!failed() && elements.empty() && node.children[2] != nullptr) {
      flow = Walk(*node.children[2], dot);
    } else {
      flow = Flow::kNext;
    }
    variables_.resize(mark);
    return flow;
  }

  void SetRangeVariables(const TemplateNode& pipe, const TemplateValue& key,
                         const TemplateValue& item) {
    if (pipe.names.empty()) return;
    const auto set = [&](const std::string& name, const TemplateValue& value) {
      if (pipe.assigns) {
        Assign(name, value);
      } else {
        variables_.emplace_back(name, value);
      }
    };
    if (pipe.names.size() == 2) set(pipe.names[0], key);
    set(pipe.names.back(), item);
  }

  void WalkTemplate(const TemplateNode& node, const TemplateValue& dot) {
    const TemplateNode* body = template_.Find(node.text);
    if (body == nullptr)
      return Fail(node, fmt::format("template {} not defined", Quote(node.text)));
    if (depth_ >= kDepthMax) return Fail(node, "exceeded maximum template depth");
    TemplateValue data;
    if (node.children[0] != nullptr) data = Pipeline(*node.children[0], dot);
    if (failed()) return;
    auto outer = std::exchange(variables_, {{"$", data}});
    std::string outer_name = std::exchange(name_, node.text);
    ++depth_;
    Walk(*body, data);
    --depth_;
    name_ = std::move(outer_name);
    variables_ = std::move(outer);
  }

  void Assign(const std::string& name, const TemplateValue& value) {
    for (size_t i = variables_.size(); i-- > 0;) {
      if (variables_[i].first != name) continue;
      variables_[i].second = value;
      return;
    }
  }

  // `range` sets its variables itself, once per element.
  TemplateValue Pipeline(const TemplateNode& pipe, const TemplateValue& dot, bool range = false) {
    TemplateValue value;
    const TemplateValue* final = nullptr;
    for (const auto& command : pipe.children) {
      TemplateValue next = Command(*command, dot, final);
      if (failed()) return {};
      value = std::move(next);
      final = &value;
    }
    if (range) return value;
    for (const std::string& name : pipe.names) {
      if (pipe.assigns) {
        Assign(name, value);
      } else {
        variables_.emplace_back(name, value);
      }
    }
    return value;
  }

  TemplateValue Command(const TemplateNode& command, const TemplateValue& dot,
                        const TemplateValue* final) {
    if (!CountStep(command)) return {};
    const TemplateNode& first = *command.children[0];
    switch (first.kind) {
      case Kind::kIdentifier:
        return Call(first, command.children, command, dot, final);
      case Kind::kField:
      case Kind::kVariable:
      case Kind::kChain:
        return Fields(first, command.children, dot, final);
      default:
        break;
    }
    if (command.children.size() > 1 || final != nullptr) {
      Fail(first, fmt::format("can't give argument to non-function {}", first.ToString()));
      return {};
    }
    if (first.kind == Kind::kNil) {
      Fail(first, "nil is not a command");
      return {};
    }
    return Operand(first, dot);
  }

  // A field, a variable with its fields, or a chain: `operands` are the command's, for methods.
  TemplateValue Fields(const TemplateNode& node,
                       const std::vector<std::unique_ptr<TemplateNode>>& operands,
                       const TemplateValue& dot, const TemplateValue* final) {
    TemplateValue value = dot;
    size_t from = 0;
    if (node.kind == Kind::kVariable) {
      value = Variable(node.names[0]);
      from = 1;
      if (node.names.size() == 1 && (operands.size() > 1 || final != nullptr)) {
        Fail(node, fmt::format("can't give argument to non-function {}", node.ToString()));
      }
    } else if (node.kind == Kind::kChain) {
      value = Operand(*node.children[0], dot);
    }
    for (size_t i = from; i < node.names.size() && !failed(); ++i) {
      const bool last = i + 1 == node.names.size();
      std::vector<TemplateValue> args;
      if (last) {
        for (size_t k = 1; k < operands.size(); ++k) args.push_back(Operand(*operands[k], dot));
        if (final != nullptr) args.push_back(*final);
        if (failed()) return {};
      }
      value = Field(node, value, node.names[i], args);
    }
    return value;
  }

  TemplateValue Variable(const std::string& name) const {
    for (size_t i = variables_.size(); i-- > 0;) {
      if (variables_[i].first == name) return variables_[i].second;
    }
    return {};
  }

  TemplateValue Field(const TemplateNode& at, const TemplateValue& of, const std::string& name,
                      const std::vector<TemplateValue>& args) {
    if (!IsValid(of)) return {};
    TemplateValue result;
    const bool method = Method(of, name, args, result);
    if (method) return result;
    const bool is_map = of.As<TextMapPtr>() != nullptr || of.As<AnyMapPtr>() != nullptr;
    const bool known = is_map || StructField(of, name, result);
    if (known && !args.empty()) {
      Fail(at, name + (is_map ? " is not a method but has arguments"
                              : " has arguments but cannot be invoked as function"));
      return {};
    }
    if (const auto* map = of.As<TextMapPtr>()) {
      const auto found = (*map)->find(name);
      return {found == (*map)->end() ? std::string() : found->second};
    }
    if (const auto* map = of.As<AnyMapPtr>()) {
      const auto found = (*map)->find(name);
      return found == (*map)->end() ? TemplateValue{} : found->second;
    }
    if (!known) {
      Fail(at, fmt::format("can't evaluate field {} in type {}", name, TypeName(of)));
    }
    return result;
  }

  bool StructField(const TemplateValue& of, const std::string& name, TemplateValue& result) const {
    if (const auto* data = of.As<const TemplateContext*>()) {
      const auto map = [](const Labels& labels) {
        return TextMapPtr(std::make_shared<std::map<std::string, std::string>>(ToTextMap(labels)));
      };
      if (name == "Labels") result.value = map((*data)->labels);
      if (name == "ExternalLabels") result.value = map((*data)->external_labels);
      if (name == "ExternalURL") result.value = (*data)->external_url;
      if (name == "Value") result.value = (*data)->value;
    } else if (const auto* sample = of.As<SamplePtr>()) {
      if (name == "Labels") {
        result.value =
            TextMapPtr(std::make_shared<std::map<std::string, std::string>>((*sample)->labels));
      }
      if (name == "Value") result.value = (*sample)->value;
    }
    return IsValid(result);
  }

  // The few methods of times and durations that have a meaning in a text.
  bool Method(const TemplateValue& of, const std::string& name,
              const std::vector<TemplateValue>& args, TemplateValue& result) const {
    if (!args.empty()) return false;
    if (const auto* time = of.As<GoTime>()) {
      if (name == "String") result.value = FormatGoTime(*time);
      if (name == "UTC") result.value = *time;
      if (name == "Unix") result.value = time->millis / 1000;
      if (name == "UnixMilli") result.value = time->millis;
    } else if (const auto* duration = of.As<GoDuration>()) {
      const auto nanos = static_cast<double>(duration->nanos);
      if (name == "String") result.value = FormatGoDuration(*duration);
      if (name == "Seconds") result.value = nanos / 1e9;
      if (name == "Minutes") result.value = nanos / 60e9;
      if (name == "Hours") result.value = nanos / 3600e9;
      if (name == "Milliseconds") result.value = duration->nanos / 1'000'000;
    }
    return IsValid(result);
  }

  TemplateValue Operand(const TemplateNode& node, const TemplateValue& dot) {
    static const std::vector<std::unique_ptr<TemplateNode>> kNoOperands;
    switch (node.kind) {
      case Kind::kDot:
        return dot;
      case Kind::kBool:
        return {node.text == "true"};
      case Kind::kString:
        return {node.text};
      case Kind::kNumber:
        return Number(node);
      case Kind::kField:
      case Kind::kVariable:
      case Kind::kChain:
        return Fields(node, kNoOperands, dot, nullptr);
      case Kind::kIdentifier:
        return Call(node, kNoOperands, node, dot, nullptr);
      case Kind::kPipe:
        return Pipeline(node, dot);
      default:
        return {};
    }
  }

  TemplateValue Number(const TemplateNode& node) {
    std::string text = node.text;
    if (text.front() == '\'') {
      UnquoteError error;
      const std::string rune = Unquote(text, error).value_or(" ");
      return {static_cast<int64_t>(static_cast<unsigned char>(rune.front()))};
    }
    text.erase(std::remove(text.begin(), text.end(), '_'), text.end());
    const bool hex = text.find("0x") != std::string::npos || text.find("0X") != std::string::npos;
    if (!hex && text.find_first_of(".eE") != std::string::npos) {
      return {std::strtod(text.c_str(), nullptr)};
    }
    std::string digits = text;
    int base = 0;
    if (digits.rfind("0b", 0) == 0 || digits.rfind("0o", 0) == 0) {
      base = digits[1] == 'b' ? 2 : 8;
      digits = digits.substr(2);
    }
    errno = 0;
    const long long value = std::strtoll(digits.c_str(), nullptr, base);
    if (errno == ERANGE) Fail(node, fmt::format("{} overflows int", node.text));
    return {static_cast<int64_t>(value)};
  }

  TemplateValue Call(const TemplateNode& function,
                     const std::vector<std::unique_ptr<TemplateNode>>& operands,
                     const TemplateNode& at, const TemplateValue& dot, const TemplateValue* final) {
    const TemplateFunction& signature = *FindTemplateFunction(function.text);
    const int given = static_cast<int>(operands.empty() ? 0 : operands.size() - 1);
    const int count = given + (final != nullptr ? 1 : 0);
    if (count < signature.least || (signature.most >= 0 && count > signature.most)) {
      Fail(function, signature.most < 0
                         ? fmt::format("wrong number of args for {}: want at least {} got {}",
                                       signature.name, signature.least, given)
                         : fmt::format("wrong number of args for {}: want {} got {}",
                                       signature.name, signature.least, count));
      return {};
    }
    if (function.text == "and" || function.text == "or") {
      return AndOr(function.text == "or", operands, dot, final);
    }
    std::vector<TemplateValue> args;
    for (size_t i = 1; i < operands.size() && !failed(); ++i) {
      args.push_back(Argument(*operands[i], dot, Wanted(signature, args.size())));
    }
    if (final != nullptr && !failed()) {
      CheckType(function, *final, Wanted(signature, args.size()));
      args.push_back(*final);
    }
    if (failed()) return {};
    absl::StatusOr<TemplateValue> result = CallTemplateFunction(function.text, args, context_);
    if (result.ok()) return *std::move(result);
    Fail(at, fmt::format("error calling {}: {}", function.text,
                         std::string(result.status().message())));
    return {};
  }

  TemplateValue AndOr(bool is_or, const std::vector<std::unique_ptr<TemplateNode>>& operands,
                      const TemplateValue& dot, const TemplateValue* final) {
    TemplateValue value;
    for (size_t i = 1; i < operands.size(); ++i) {
      value = Operand(*operands[i], dot);
      if (failed() || IsTrue(value) == is_or) return value;
    }
    return final != nullptr ? *final : value;
  }

  static char Wanted(const TemplateFunction& signature, size_t at) {
    const std::string_view wanted = signature.wanted;
    if (wanted.empty()) return 'a';
    return wanted[std::min(at, wanted.size() - 1)];
  }

  TemplateValue Argument(const TemplateNode& node, const TemplateValue& dot, char wanted) {
    if (wanted == 's' && (node.kind == Kind::kNumber || node.kind == Kind::kBool)) {
      Fail(node, fmt::format("expected string; found {}", node.ToString()));
      return {};
    }
    TemplateValue value = Operand(node, dot);
    if (!failed() && node.kind != Kind::kNil) CheckType(node, value, wanted);
    return value;
  }

  void CheckType(const TemplateNode& at, const TemplateValue& value, char wanted) {
    const char* type = nullptr;
    if (wanted == 's' && value.As<std::string>() == nullptr) type = "string";
    if (wanted == 'q' && value.As<SamplesPtr>() == nullptr) type = "template.queryResult";
    if (wanted == 'e' && value.As<SamplePtr>() == nullptr) type = "*template.sample";
    if (type == nullptr) return;
    if (!IsValid(value)) {
      Fail(at, fmt::format("invalid value; expected {}", type));
    } else {
      Fail(at, fmt::format("wrong type for value; expected {}; got {}", type, TypeName(value)));
    }
  }

  const Template& template_;
  const TemplateContext& context_;
  std::string name_;  // of the definition that is executed
  std::vector<std::pair<std::string, TemplateValue>> variables_;
  std::string out_;
  absl::Status status_;
  int depth_ = 0;
  int64_t steps_ = 0;
};

}  // namespace

absl::StatusOr<std::string> Execute(const Template& parsed, const TemplateContext& context) {
  return Execution(parsed, context).Run();
}

}  // namespace rootnote::prometheus
