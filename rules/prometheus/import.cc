#include "rules/prometheus/import.h"

#include <algorithm>
#include <cctype>
#include <memory>
#include <optional>

#include "fmt/format.h"

#include "rules/promql/ast.h"
#include "rules/promql/evaluator.h"

namespace rootnote::prometheus {
namespace {

using promql::Expr;
using promql::ExprKind;
using promql::MatchOp;
using ExprSlot = std::unique_ptr<Expr>;

bool IsOneOf(const std::string& word, std::initializer_list<const char*> words) {
  return std::any_of(words.begin(), words.end(), [&](const char* one) { return word == one; });
}

bool Has(const std::vector<std::string>& labels, const std::string& label) {
  return std::find(labels.begin(), labels.end(), label) != labels.end();
}

// Whether elements of the result carry the label. `sure`: certainly; else: possibly.
bool Carries(const Expr& expr, const std::string& label, bool sure) {
  const auto first_vector = [&]() -> const Expr* {
    for (const ExprSlot& arg : expr.args) {
      if (arg->type == promql::ValueType::kVector || arg->type == promql::ValueType::kMatrix) {
        return arg.get();
      }
    }
    return nullptr;
  };
  switch (expr.kind) {
    case ExprKind::kSelector: {
      const bool named = std::any_of(expr.matchers.begin(), expr.matchers.end(),
                                     [&](const promql::Matcher& matcher) {
                                       return matcher.name == label && !matcher.Matches("");
                                     });
      return named || !sure;
    }
    case ExprKind::kAggregate: {
      const bool keeps = IsOneOf(expr.text, {"topk", "bottomk", "limitk", "limit_ratio"});
      const bool grouped = expr.without != Has(expr.grouping, label);
      // `by (label)` promises the label, whatever it is that is aggregated.
      if (!keeps && !expr.without)
        return grouped && (sure || Carries(*expr.args.back(), label, sure));
      return (keeps || grouped) && Carries(*expr.args.back(), label, sure);
    }
    case ExprKind::kBinary: {
      const Expr& left = *expr.args[0];
      const Expr& right = *expr.args[1];
      if (left.type == promql::ValueType::kScalar) return Carries(right, label, sure);
      if (right.type == promql::ValueType::kScalar || !expr.matching) {
        return Carries(left, label, sure);
      }
      using Card = promql::VectorMatching::Card;
      const promql::VectorMatching& matching = *expr.matching;
      if (matching.card == Card::kOneToMany) return Carries(right, label, sure);
      if (matching.card != Card::kOneToOne) {
        return Has(matching.include, label) || Carries(left, label, sure);
      }
      if (matching.on != Has(matching.labels, label)) return false;
      return Carries(left, label, sure) || (sure && matching.on);
    }
    case ExprKind::kCall: {
      if (IsOneOf(expr.text, {"absent", "absent_over_time"})) {
        return expr.args[0]->kind == ExprKind::kSelector &&
               std::any_of(expr.args[0]->matchers.begin(), expr.args[0]->matchers.end(),
                           [&](const promql::Matcher& matcher) {
                             return matcher.name == label && matcher.op == MatchOp::kEqual;
                           });
      }
      if (IsOneOf(expr.text, {"label_replace", "label_join"}) && expr.args[1]->text == label) {
        return true;
      }
      const Expr* operand = first_vector();
      return operand != nullptr && Carries(*operand, label, sure);
    }
    default: {
      const Expr* operand = first_vector();
      return operand != nullptr && Carries(*operand, label, sure);
    }
  }
}

std::string Find(const Texts& texts, std::string_view name) {
  for (const auto& [key, value] : texts) {
    if (key == name) return value;
  }
  return "";
}

// Alerts carry the labels of the result and those of the rule.
bool AlertCarries(const Rule& rule, const std::string& label, bool sure) {
  return !Find(rule.labels, label).empty() || Carries(*rule.expr, label, sure);
}

bool AtFixedTime(const Expr& expr) {
  if (expr.at && expr.at->kind == promql::AtModifier::Kind::kTime) return true;
  return std::any_of(expr.args.begin(), expr.args.end(),
                     [](const ExprSlot& arg) { return AtFixedTime(*arg); });
}

std::string Identifier(const std::string& name, std::set<std::string>& names) {
  std::string identifier;
  for (const char c : name) {
    identifier += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  }
  if (identifier.empty() || std::isdigit(static_cast<unsigned char>(identifier[0])) != 0) {
    identifier = "alert_" + identifier;
  }
  std::string fresh = identifier;
  for (int i = 2; !names.insert(fresh).second; ++i) fresh = fmt::format("{}_{}", identifier, i);
  return fresh;
}

}  // namespace

AlertEntity EntityOfAlert(const Rule& rule, const ImportOptions& options) {
  AlertEntity entity;
  const auto read_as = [&](const ImportKind& kind, const std::string& last) {
    entity.kind = kind.name;
    entity.identity_from.clear();
    for (const std::string& part : kind.identity) entity.identity_from.emplace_back(part, part);
    entity.identity_from.back().second = last;
  };
  for (const auto& [name, label] : options.mapping) {
    const auto kind =
        std::find_if(options.kinds.begin(), options.kinds.end(),
                     [&wanted = name](const ImportKind& one) { return one.name == wanted; });
    if (kind == options.kinds.end() || !AlertCarries(rule, label, false)) continue;
    // The label is the identity's last part: a disk of an array, an interface of a switch.
    const bool others =
        std::all_of(kind->identity.begin(), kind->identity.end() - 1,
                    [&](const std::string& part) { return AlertCarries(rule, part, false); });
    if (!others) continue;
    read_as(*kind, label);
    return entity;
  }
  for (const ImportKind& kind : options.kinds) {
    const bool all =
        std::all_of(kind.identity.begin(), kind.identity.end(),
                    [&](const std::string& part) { return AlertCarries(rule, part, true); });
    if (all && kind.identity.size() > entity.identity_from.size()) {
      read_as(kind, kind.identity.back());
    }
  }
  return entity;
}

std::string SeverityOfAlert(const Rule& rule) {
  const std::string label = Find(rule.labels, "severity");
  if (IsOneOf(label, {"critical", "page", "emergency", "fatal"})) return "critical";
  if (IsOneOf(label, {"major", "error", "high"})) return "major";
  if (IsOneOf(label, {"info", "information", "none"})) return "info";
  return "warning";
}

std::string FamilyOfAlert(const Rule& rule) {
  const std::string label = Find(rule.labels, "family");
  const bool known = IsOneOf(label, {"errors", "latency", "saturation", "traffic", "down"});
  return known ? label : "errors";
}

std::string RunbookOfAlert(const Rule& rule) {
  const std::string text = Find(rule.annotations, "runbook_url");
  return text.find("{{") == std::string::npos ? text : "";
}

std::string SignalName(const std::string& alert, std::set<std::string>& taken) {
  return Identifier(alert, taken);
}

std::string WhyNotExecuted(const Rule& rule, Millis lookback, Millis max_history) {
  if (const std::string what = promql::NotExecuted(*rule.expr); !what.empty()) {
    return fmt::format("it uses {}", what);
  }
  if (AtFixedTime(*rule.expr)) return "it reads what was at a fixed time, which is not kept";
  const Millis needed = promql::HistoryNeeded(*rule.expr, lookback);
  if (needed > max_history) {
    return fmt::format("it looks {} back, at most {} are kept", FormatDuration(needed),
                       FormatDuration(max_history));
  }
  return "";
}

}  // namespace rootnote::prometheus
