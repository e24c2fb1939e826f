#include "tests/unit/rules/ast_dump.h"

#include "fmt/core.h"

namespace rootnote {
namespace {

std::string Words(const std::vector<ast::Name>& names) {
  std::string text;
  for (const ast::Name& name : names) text += " " + name.text;
  return text;
}

std::string Opt(std::string_view word, const std::optional<ast::Name>& name) {
  return name ? fmt::format(" {} {}", word, name->text) : "";
}

std::string Opt(std::string_view word, const std::optional<ast::Time>& time) {
  return time ? fmt::format(" {} {}", word, FormatDuration(time->value)) : "";
}

std::string Opt(std::string_view word, const std::optional<ast::Text>& text) {
  return text ? fmt::format(" {} \"{}\"", word, text->text) : "";
}

std::string Matchers(const std::vector<ast::MatcherNode>& nodes) {
  static constexpr std::string_view kOps[] = {"=", "!=", "=~", "!~"};
  std::string text;
  for (const ast::MatcherNode& node : nodes) {
    text += fmt::format(" [{}{}\"{}\"]", node.matcher.name,
                        kOps[static_cast<size_t>(node.matcher.op)], node.matcher.value);
  }
  return text;
}

std::string LabelPairs(const std::vector<std::pair<ast::Name, ast::Text>>& labels) {
  std::string text;
  for (const auto& [name, value] : labels) {
    text += fmt::format(" [{}=\"{}\"]", name.text, value.text);
  }
  return text;
}

std::string Operand(const ast::FilterOperand& operand) {
  if (const auto* path = std::get_if<std::vector<ast::Name>>(&operand.what)) {
    std::string text;
    for (const ast::Name& name : *path) text += (text.empty() ? "" : ".") + name.text;
    return text;
  }
  if (const auto* number = std::get_if<double>(&operand.what)) return fmt::format("{}", *number);
  return "\"" + std::get<std::string>(operand.what) + "\"";
}

std::string Step(const ast::PatternStep& step) {
  static constexpr std::string_view kWhat[] = {"step", "event", "signal"};
  std::string text = fmt::format("{} {}", kWhat[static_cast<size_t>(step.what)], step.name.text) +
                     Matchers(step.matchers) + Opt("as", step.alias);
  for (const ast::Filter& filter : step.where) {
    text +=
        fmt::format(" where ({} {} {})", Operand(filter.left), filter.op, Operand(filter.right));
  }
  if (!step.by.empty()) text += " by" + Words(step.by);
  if (step.times) text += fmt::format(" times {}", *step.times);
  if (step.of_last) text += fmt::format(" of last {}", *step.of_last);
  return text + Opt("within", step.within);
}

std::string Element(const std::variant<ast::PatternStep, ast::PatternGroup>& element,
                    const std::string& indent) {
  if (const auto* step = std::get_if<ast::PatternStep>(&element)) return Step(*step) + "\n";
  static constexpr std::string_view kTypes[] = {"all", "any", "some"};
  const auto& group = std::get<ast::PatternGroup>(element);
  std::string text = fmt::format("{} {}", kTypes[static_cast<size_t>(group.type)],
                                 group.type == ast::PatternGroup::Type::kSome ? group.some : 0) +
                     Opt("within", group.within) + "\n";
  for (const ast::PatternStep& step : group.steps) text += indent + "  " + Step(step) + "\n";
  return text;
}

std::string ConditionText(const ast::Condition& condition) {
  const std::string hold = Opt("for", condition.hold) + "\n";
  if (const auto* expr = std::get_if<std::unique_ptr<promql::Expr>>(&condition.what)) {
    return "promql " + promql::ToString(**expr) + hold;
  }
  if (const auto* missing = std::get_if<ast::Missing>(&condition.what)) {
    return "missing " + missing->metric.text + Matchers(missing->matchers) +
           Opt("for", missing->hold) + (missing->expected ? " expected" : "") +
           Matchers(missing->where) + Opt("seen within", missing->seen_within) + "\n";
  }
  const auto* pattern = std::get_if<ast::Pattern>(&condition.what);
  if (pattern == nullptr) return "nothing\n";
  std::string text = "pattern" + Opt("resolve after", pattern->resolve_after) + hold;
  text += "      " + Element(pattern->first, "      ");
  for (const ast::PatternLink& link : pattern->then) {
    text += fmt::format("      then{}{}{} ", link.immediately ? " immediately" : "",
                        link.negated ? " no" : "", Opt("for", link.absent_for)) +
            Element(link.what, "      ");
  }
  return text;
}

std::string Dump(const ast::Signal& signal) {
  std::string text = fmt::format("signal {} on {}{}\n", signal.name.text,
                                 signal.on_relation ? "relation " : "", signal.on.text);
  text += "    when " + ConditionText(signal.when);
  if (signal.clear) text += "    clear " + ConditionText(*signal.clear);
  const std::string rest = Opt("no data", signal.no_data) + Opt("family", signal.family) +
                           Opt("severity", signal.severity) + Opt("every", signal.every) +
                           Opt("keep firing", signal.keep_firing) +
                           (signal.by.empty() ? "" : " by" + Words(signal.by)) +
                           Opt("summary", signal.summary) + Opt("runbook", signal.runbook);
  return rest.empty() ? text : text + "   " + rest + "\n";
}

std::string Dump(const ast::Relation& relation) {
  std::string text = fmt::format("relation {}:{} ->{}", relation.name.text,
                                 Words(relation.from_kinds), Words(relation.to_kinds));
  for (const auto& [id, label] : relation.from_labels)
    text += " from " + id.text + "=" + label.text;
  for (const auto& [id, label] : relation.to_labels) text += " to " + id.text + "=" + label.text;
  for (const ast::Carries& carries : relation.carries) {
    text += " carries " + carries.from.text + Opt("as", carries.to);
  }
  for (const ast::Tolerates& tolerates : relation.tolerates) {
    static constexpr std::string_view kTypes[] = {"count", "all but", "percent"};
    text += fmt::format(" tolerates {} {}", kTypes[static_cast<size_t>(tolerates.type)],
                        tolerates.amount.value) +
            Words(tolerates.families);
  }
  return text + Opt("within", relation.within) + "\n";
}

std::string Dump(const ast::Fault& fault) {
  static constexpr std::string_view kShows[] = {"", " any of", " all of"};
  std::string text = fmt::format("fault {} on {}{}{}", fault.name.text, fault.on.text,
                                 kShows[static_cast<size_t>(fault.shows)], Words(fault.shown_by)) +
                     Opt("title", fault.title) + "\n";
  for (const ast::Causes& causes : fault.causes) {
    text += "    causes";
    for (const ast::Effect& effect : causes.effects) {
      text += " " + effect.name.text + Opt("on", effect.kind);
    }
    if (!causes.over.empty()) text += " over" + Words(causes.over);
    text += Opt("within", causes.within) + "\n";
  }
  for (const ast::SeverityChoice& choice : fault.severity) {
    text += "    severity " + choice.severity.text + Opt("when impact has", choice.kind) + "\n";
  }
  return text;
}

std::string Dump(const ast::Incidents& incidents) {
  std::string text = "incidents" + Opt("hold back", incidents.hold_back) +
                     Opt("merge", incidents.merge) + Opt("reopen", incidents.reopen) +
                     Opt("remind", incidents.remind) + Opt("resolve", incidents.resolve_after) +
                     "\n";
  if (incidents.flapping) {
    text += fmt::format("    flapping {} in {} quiet {}\n", incidents.flapping->changes,
                        FormatDuration(incidents.flapping->in.value),
                        FormatDuration(incidents.flapping->quiet.value));
  }
  for (const ast::Route& route : incidents.routes) {
    text += "    route" + Opt("severity >=", route.severity_at_least) + Matchers(route.matchers) +
            fmt::format(" to \"{}\"", route.topic.text) + Opt("as", route.projection) + "\n";
  }
  return text;
}

std::string Local(const ast::LocalTime& time) {
  return fmt::format("{}-{}-{}+{}m", time.year, time.month, time.day, time.minute_of_day);
}

std::string Dump(const ast::Maintenance& window) {
  static constexpr std::string_view kReach[] = {"", " above", " below"};
  std::string text = fmt::format("maintenance \"{}\"", window.name.text);
  for (const ast::Entity& entity : window.entities) text += " " + entity.name;
  text += Opt("kind", window.kind) + Matchers(window.where);
  text += std::string(kReach[static_cast<size_t>(window.reach)]);
  if (window.recurring) text += " every";
  for (const uint8_t day : window.weekdays) text += fmt::format(" {}", day);
  return text + fmt::format(" {} to {}", Local(window.from), Local(window.to)) +
         Opt("in", window.zone) + Opt("owner", window.owner) + "\n";
}

std::string Dump(const ast::TopologyLine& line) {
  std::string text = "    topology" + Opt("at", line.at) + (line.deleted ? " delete" : "");
  for (size_t i = 0; i < line.chain.size(); ++i) {
    if (i > 0) text += " <-" + Opt("", line.chain[i].relation);
    for (const auto& item : line.chain[i].items) {
      text += " " + item.entity.name + LabelPairs(item.labels);
    }
  }
  return text + "\n";
}

std::string Dump(const ast::IncidentPattern& pattern) {
  std::string text =
      " {" + (pattern.root ? " root " + pattern.root->name : "") + Opt("fault", pattern.fault);
  for (const auto& impact : pattern.impact) {
    text += " impact " + impact.entity.name + Words(impact.by);
    if (impact.potential) text += *impact.potential ? " potential" : " actual";
  }
  return text + " }";
}

std::string Dump(const ast::Test& test) {
  std::string text = fmt::format("test \"{}\"\n", test.name.text);
  for (const ast::TopologyLine& line : test.topology) text += Dump(line);
  for (const ast::Series& series : test.series) {
    text += fmt::format("    {} {}{} values {}", series.event ? "event" : "series",
                        series.name.text, LabelPairs(series.labels), series.values.size()) +
            Opt("every", series.every) + Opt("from", series.from) + Opt("to", series.to) + "\n";
  }
  for (const ast::Expectation& expectation : test.expectations) {
    static constexpr std::string_view kWhat[] = {"no incident", "incidents", "signal"};
    text += fmt::format("    expect{}{} {} {}", expectation.never ? " never" : "",
                        Opt("at", expectation.at), kWhat[static_cast<size_t>(expectation.what)],
                        expectation.count);
    for (const ast::IncidentPattern& pattern : expectation.patterns) text += Dump(pattern);
    text += "\n";
  }
  return text;
}

std::string DumpReuse(const ast::File& file) {
  std::string text;
  for (const ast::Use& use : file.uses) text += "use \"" + use.path.text + "\"\n";
  for (const ast::Def& def : file.defs) {
    text +=
        "def " + def.name.text + Words(def.parameters) + " = " + promql::ToString(*def.body) + "\n";
  }
  for (const ast::TemplateRule& rule : file.templates) {
    text +=
        "template " + rule.name.text + Words(rule.parameters) + "\n" + rootnote::Dump(*rule.body);
  }
  for (const ast::Instantiation& use : file.instantiations) {
    text += fmt::format("instance {} of {}\n", use.arguments.size(), use.name.text);
  }
  for (const ast::Import& import : file.imports) {
    text += fmt::format("import {} \"{}\"", import.format.text, import.path.text);
    for (const auto& [kind, label] : import.mapping) text += " " + kind.text + "<-" + label.text;
    text += "\n";
  }
  return text;
}

}  // namespace

std::string Dump(const ast::File& file) {
  std::string text;
  for (const ast::Kind& kind : file.kinds) {
    text += "kind " + kind.name.text + " id" + Words(kind.identity) +
            (kind.aliases.empty() ? "" : " alias" + Words(kind.aliases)) + "\n";
  }
  for (const ast::Relation& relation : file.relations) text += Dump(relation);
  for (const ast::Signal& signal : file.signals) text += Dump(signal);
  for (const ast::Fault& fault : file.faults) text += Dump(fault);
  for (const ast::Incidents& incidents : file.incidents) text += Dump(incidents);
  for (const ast::Maintenance& window : file.maintenance) text += Dump(window);
  for (const ast::Test& test : file.tests) text += Dump(test);
  return text + DumpReuse(file);
}

}  // namespace rootnote
