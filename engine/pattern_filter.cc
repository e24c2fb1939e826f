#include "engine/pattern_filter.h"

#include <charconv>
#include <optional>
#include <string_view>

namespace rootnote {
namespace {

using Operand = PatternStep::Operand;
using Filter = PatternStep::Filter;

std::optional<double> NumberOf(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

struct OperandValue {
  std::string_view text;
  std::optional<double> number;
};

OperandValue Attribute(const PatternItem* item, std::string_view name) {
  OperandValue value;
  if (item == nullptr) {
    return value;
  }
  value.text = item->Get(name);
  value.number =
      value.text.empty() && name == "value" ? std::optional(item->value) : NumberOf(value.text);
  return value;
}

OperandValue ValueOf(const Operand& operand, const PatternItem& own,
                     const std::vector<PatternItemPtr>& bound) {
  switch (operand.type) {
    case Operand::Type::kText:
      return {operand.text, NumberOf(operand.text)};
    case Operand::Type::kNumber:
      return {"", operand.number};
    case Operand::Type::kOwn:
      return Attribute(&own, operand.text);
    case Operand::Type::kAlias:
      break;
  }
  return Attribute(bound[operand.alias].get(), operand.text);
}

bool Equal(const Filter& filter, const OperandValue& left, const OperandValue& right) {
  const bool numeric =
      filter.left.type == Operand::Type::kNumber || filter.right.type == Operand::Type::kNumber;
  return numeric ? left.number && right.number && *left.number == *right.number
                 : left.text == right.text;
}

}  // namespace

bool Holds(const Filter& filter, const PatternItem& own, const std::vector<PatternItemPtr>& bound) {
  const OperandValue left = ValueOf(filter.left, own, bound);
  if (filter.op == Filter::Op::kMatch) {
    return filter.matcher.Matches(left.text);
  }
  const OperandValue right = ValueOf(filter.right, own, bound);
  const bool numbers = left.number && right.number;
  switch (filter.op) {
    case Filter::Op::kEqual:
      return Equal(filter, left, right);
    case Filter::Op::kNotEqual:
      return !Equal(filter, left, right);
    case Filter::Op::kLess:
      return numbers && *left.number < *right.number;
    case Filter::Op::kLessEqual:
      return numbers && *left.number <= *right.number;
    case Filter::Op::kGreater:
      return numbers && *left.number > *right.number;
    case Filter::Op::kGreaterEqual:
      return numbers && *left.number >= *right.number;
    case Filter::Op::kMatch:
      break;
  }
  return false;
}

}  // namespace rootnote
