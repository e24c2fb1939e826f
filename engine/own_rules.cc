#include "engine/own_rules.h"

#include <utility>

namespace rootnote {
namespace {

constexpr std::string_view kRuleKind = "rule";
constexpr std::string_view kRuleKindBeside = "rootnote_rule";
constexpr std::string_view kRuleLimitFault = "rule_limit";
// So long nothing must have been shed until it is over: several instants of the slowest usual grid.
constexpr Millis kKeepFiring{300'000};
constexpr Millis kEvery{5'000};

Template TextOf(std::vector<Template::Piece> pieces) {
  Template text;
  text.pieces = std::move(pieces);
  return text;
}

// Detection steps this signal itself; what stands here reads a series that nobody sends.
ExprPtr NoSeries() {
  auto expr = std::make_shared<promql::Expr>();
  expr->kind = promql::ExprKind::kSelector;
  expr->type = promql::ValueType::kVector;
  expr->text = "rootnote_rule_limit_reached";
  promql::Matcher name;
  name.name = kMetricName;
  name.value = expr->text;
  expr->matchers.push_back(std::move(name));
  return expr;
}

KindId AddKind(Program& program) {
  Kind kind;
  kind.name = program.FindKind(kRuleKind) ? kRuleKindBeside : kRuleKind;
  kind.identity = {"rule"};
  program.kinds.push_back(std::move(kind));
  return KindId(static_cast<uint16_t>(program.kinds.size() - 1));
}

SignalId AddSignal(Program& program, KindId kind) {
  Signal signal;
  signal.name = kRuleLimitSignal;
  signal.kind = kind;
  signal.when.what = NoSeries();
  signal.when.direction = Condition::Direction::kAbove;
  signal.keep_firing = kKeepFiring;
  signal.every = kEvery;
  signal.family = Family::kSaturation;
  signal.summary = TextOf({{false, "rule "},
                           {true, "rule"},
                           {false, " is at its limit: "},
                           {true, "value"},
                           {false, " series shed"}});
  program.signals.push_back(std::move(signal));
  return SignalId(static_cast<uint32_t>(program.signals.size() - 1));
}

void AddFault(Program& program, KindId kind, SignalId signal) {
  Fault fault;
  fault.name = kRuleLimitFault;
  fault.kind = kind;
  fault.shows = Fault::Shows::kAny;
  fault.shown_by = {signal};
  fault.title = TextOf({{false, "Rule "}, {true, "rule"}, {false, " is at its limit of series"}});
  fault.summary =
      TextOf({{false, "Rule "},
              {true, "rule"},
              {false,
               " has as many series as its limit allows: those it knows go on, new ones are "
               "not watched. Raise `limit … series`, or find out where they come from."}});
  program.faults.push_back(std::move(fault));
}

}  // namespace

std::shared_ptr<const Program> WithOwnRules(std::shared_ptr<const Program> program) {
  if (program->signals.empty() || program->FindSignal(kRuleLimitSignal) ||
      program->FindKind(kRuleKindBeside)) {
    return program;
  }
  auto extended = std::make_shared<Program>(*program);
  const KindId kind = AddKind(*extended);
  AddFault(*extended, kind, AddSignal(*extended, kind));
  return extended;
}

std::optional<SignalId> RuleLimitSignal(const Program& program) {
  if (program.signals.empty() || program.signals.back().name != kRuleLimitSignal) {
    return std::nullopt;
  }
  return SignalId(static_cast<uint32_t>(program.signals.size() - 1));
}

std::string RuleEntity(const Program& program, const Signal& signal) {
  return program.kinds.back().name + ":" + EncodeIdPart(signal.name);
}

}  // namespace rootnote
