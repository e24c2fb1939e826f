#include "rules/prometheus/import.h"

#include <algorithm>
#include <cctype>
#include <memory>

#include "fmt/format.h"

#include "rules/promql/parser.h"
#include "rules/unquote.h"

namespace rootnote::prometheus {
namespace {

using promql::Expr;
using promql::ExprKind;
using promql::MatchOp;
using ExprSlot = std::unique_ptr<Expr>;

// Recording rules that read each other in a circle end here.
constexpr int kDepthMax = 8;
constexpr size_t kTextMax = 100'000;

ExprSlot Parse(const std::string& text) {
  Diagnostics ignored;
  promql::ParseOptions options;
  options.extensions = false;
  ExprSlot expr = promql::ParseText(text, ignored, options);
  return ignored.has_errors() ? nullptr : std::move(expr);
}

// The value as a replacement of label_replace.
std::string Constant(const std::string& value) {
  std::string text;
  for (const char c : value) text += c == '$' ? "$$" : std::string(1, c);
  return Quote(text);
}

std::string WithLabel(const std::string& expr, const std::string& name, const std::string& value) {
  return fmt::format("label_replace({}, {}, {}, \"\", \"\")", expr, Quote(name), Constant(value));
}

bool IsOneOf(const std::string& word, std::initializer_list<const char*> words) {
  return std::any_of(words.begin(), words.end(), [&](const char* one) { return word == one; });
}

bool Has(const std::vector<std::string>& labels, const std::string& label) {
  return std::find(labels.begin(), labels.end(), label) != labels.end();
}

// Puts the expressions of recording rules in the place of their names. "" or why it cannot.
std::string Inline(ExprSlot& slot, const RecordedRules& recorded, int depth) {
  if (depth > kDepthMax) return "reads recording rules that read each other";
  if (slot->kind != ExprKind::kSelector) {
    for (ExprSlot& arg : slot->args) {
      std::string why = Inline(arg, recorded, depth);
      if (!why.empty()) return why;
    }
    return "";
  }
  if (IsOneOf(slot->text, {"ALERTS", "ALERTS_FOR_STATE"})) {
    return fmt::format("reads `{}`", slot->text);
  }
  const auto found = recorded.find(slot->text);
  if (found == recorded.end()) return "";
  const RecordedRule& record = found->second;
  const std::string of = fmt::format("reads the recording rule `{}`", slot->text);
  if (record.several) return of + ", which several rules record";
  if (record.shifted) return of + ", whose group has a query_offset";
  if (slot->matchers.size() > 1) return of + " with matchers";
  if (slot->at) return of + " at a fixed time";
  ExprSlot inner = Parse(promql::ToString(*record.rule->expr));
  if (inner == nullptr || inner->type != promql::ValueType::kVector) return of;
  std::string why = Inline(inner, recorded, depth + 1);
  if (!why.empty()) return why;
  std::string text = promql::ToString(*inner);
  for (const auto& [name, value] : record.rule->labels) text = WithLabel(text, name, value);
  const std::string interval = FormatDuration(record.interval);
  const std::string offset = slot->offset.count() == 0
                                 ? ""
                                 : fmt::format(" offset {}{}", slot->offset.count() < 0 ? "-" : "",
                                               FormatDuration(std::chrono::abs(slot->offset)));
  if (slot->range) {
    text = fmt::format("({})[{}:{}]{}", text, FormatDuration(*slot->range), interval, offset);
  } else if (!offset.empty()) {
    text = fmt::format("last_over_time(({})[{}:{}]{})", text, interval, interval, offset);
  } else {
    text = fmt::format("({})", text);
  }
  if (text.size() > kTextMax) return of + ", which becomes too long";
  slot = Parse(text);
  return slot == nullptr ? of : "";
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

std::string SeverityOf(const std::string& label) {
  if (IsOneOf(label, {"critical", "page", "emergency", "fatal"})) return "critical";
  if (IsOneOf(label, {"major", "error", "high"})) return "major";
  if (IsOneOf(label, {"info", "information", "none"})) return "info";
  return "warning";
}

std::string Find(const Texts& texts, std::string_view name) {
  for (const auto& [key, value] : texts) {
    if (key == name) return value;
  }
  return "";
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

class Importer {
 public:
  Importer(const RecordedRules& recorded, const ImportOptions& options,
           std::set<std::string>& names)
      : recorded_(recorded), options_(options), names_(names) {}

  ImportedSignals Run(const RuleFile& file) {
    for (const RuleGroup& group : file.groups) {
      for (const Rule& rule : group.rules) {
        if (rule.alerting) Import(group, rule);
      }
    }
    return std::move(result_);
  }

 private:
  void Refuse(const Rule& rule, const std::string& why) {
    result_.findings.push_back({rule.span, true, fmt::format("the alert `{}` {}", rule.name, why),
                                "write it as a signal, or leave it out of the import"});
  }

  void Import(const RuleGroup& group, const Rule& rule) {
    if (group.query_offset.count() != 0) {
      return Refuse(rule, "is in a group with a query_offset");
    }
    ExprSlot expr = Parse(promql::ToString(*rule.expr));
    if (expr == nullptr || expr->type != promql::ValueType::kVector) {
      return Refuse(rule, "has an expression that is no vector");
    }
    const std::string why = Inline(expr, recorded_, 0);
    if (!why.empty()) return Refuse(rule, why);
    std::string kind;
    std::string when = OnEntity(*expr, kind);
    if (kind.empty()) {
      kind = "alert_target";
      result_.needs_alert_target = true;
      when = WithLabel(promql::ToString(*expr), "alert", rule.name);
      result_.findings.push_back(
          {rule.span, false,
           fmt::format("nothing tells which entity the alert `{}` is about: it is about "
                       "`alert_target:{}`",
                       rule.name, rule.name),
           "map a label of it to a kind: { node from instance }"});
    }
    Write(group, rule, kind, when);
  }

  // The condition with the identity labels of the kind that it is about; `kind` stays empty when
  // there is none.
  std::string OnEntity(const Expr& expr, std::string& kind) const {
    const std::string text = promql::ToString(expr);
    for (const auto& [name, label] : options_.mapping) {
      const ImportKind* mapped = KindOf(name);
      if (mapped == nullptr || !Carries(expr, label, false)) continue;
      // The label is the identity's last part: a disk of an array, an interface of a switch.
      const std::string& part = mapped->identity.back();
      const bool others =
          std::all_of(mapped->identity.begin(), mapped->identity.end() - 1,
                      [&](const std::string& other) { return Carries(expr, other, false); });
      if (!others) continue;
      kind = name;
      if (part == label) return text;
      return fmt::format("label_replace({}, {}, \"$1\", {}, \"(.*)\")", text, Quote(part),
                         Quote(label));
    }
    size_t most = 0;
    for (const ImportKind& candidate : options_.kinds) {
      const bool all =
          std::all_of(candidate.identity.begin(), candidate.identity.end(),
                      [&](const std::string& part) { return Carries(expr, part, true); });
      if (!all || candidate.identity.size() <= most) continue;
      most = candidate.identity.size();
      kind = candidate.name;
    }
    return text;
  }

  const ImportKind* KindOf(const std::string& name) const {
    for (const ImportKind& kind : options_.kinds) {
      if (kind.name == name && !kind.identity.empty()) return &kind;
    }
    return nullptr;
  }

  void Write(const RuleGroup& group, const Rule& rule, const std::string& kind,
             const std::string& when) {
    std::string& text = result_.text;
    text += fmt::format("signal {} on {} {{\n  when {}", Identifier(rule.name, names_), kind, when);
    if (rule.hold.count() > 0) text += fmt::format(" for {}", FormatDuration(rule.hold));
    text += '\n';
    if (rule.keep_firing.count() > 0) {
      text += fmt::format("  keep firing for {}\n", FormatDuration(rule.keep_firing));
    }
    text += fmt::format("  every {}\n",
                        FormatDuration(group.interval.value_or(options_.evaluation_interval)));
    const std::string family = Find(rule.labels, "family");
    const bool known = IsOneOf(family, {"errors", "latency", "saturation", "traffic", "down"});
    text += fmt::format("  family {}\n  severity {}\n", known ? family : "errors",
                        SeverityOf(Find(rule.labels, "severity")));
    if (group.limit > 0) text += fmt::format("  limit {} series\n", group.limit);
    const std::string runbook = Find(rule.annotations, "runbook_url");
    if (!runbook.empty()) text += fmt::format("  runbook {}\n", Quote(runbook));
    text += "}\n";
  }

  const RecordedRules& recorded_;
  const ImportOptions& options_;
  std::set<std::string>& names_;
  ImportedSignals result_;
};

}  // namespace

void CollectRecorded(const RuleFile& file, const ImportOptions& options, RecordedRules& recorded) {
  for (const RuleGroup& group : file.groups) {
    for (const Rule& rule : group.rules) {
      if (rule.alerting) continue;
      RecordedRule& record = recorded[rule.name];
      record.several = record.rule != nullptr;
      record.rule = &rule;
      record.interval = group.interval.value_or(options.evaluation_interval);
      record.shifted = group.query_offset.count() != 0;
    }
  }
}

ImportedSignals AsSignals(const RuleFile& file, const RecordedRules& recorded,
                          const ImportOptions& options, std::set<std::string>& names) {
  return Importer(recorded, options, names).Run(file);
}

}  // namespace rootnote::prometheus
