#include "rules/prometheus/dependencies.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "rules/diagnostic.h"
#include "rules/prometheus/template.h"
#include "rules/prometheus/template_tree.h"
#include "rules/promql/parser.h"
#include "schemas/schema.h"

namespace rootnote::prometheus {
namespace {

// The value that a label of the rule's series has for certain; nullopt: it depends.
std::optional<std::string> KnownLabel(const Rule& rule, const std::string& label) {
  if (rule.alerting && label == "alertname") return rule.name;
  for (const auto& [name, value] : rule.labels) {
    if (name != label) continue;
    const bool fixed = !rule.alerting || value.find("{{") == std::string::npos;
    return fixed ? std::optional(value) : std::nullopt;
  }
  return std::nullopt;
}

bool MayRead(const promql::Expr& selector, const Rule& rule, const std::string& metric) {
  return std::all_of(selector.matchers.begin(), selector.matchers.end(),
                     [&](const promql::Matcher& matcher) {
                       if (matcher.name == kMetricName) return matcher.Matches(metric);
                       const std::optional<std::string> value = KnownLabel(rule, matcher.name);
                       return !value || matcher.Matches(*value);
                     });
}

// "…%s…%5.2f…" with something in the place of the verbs; whether there were any.
bool FillVerbs(std::string& text) {
  std::string filled;
  bool any = false;
  for (size_t i = 0; i < text.size(); ++i) {
    size_t end = i + 1;
    while (text[i] == '%' && end < text.size() &&
           (std::isdigit(static_cast<unsigned char>(text[end])) != 0 || text[end] == '.' ||
            text[end] == '+' || text[end] == '#' || text[end] == '-')) {
      ++end;
    }
    const bool verb = text[i] == '%' && end < text.size() &&
                      std::isalpha(static_cast<unsigned char>(text[end])) != 0;
    if (!verb) {
      filled += text[i];
      continue;
    }
    // %q writes the quotes itself; %s may stand for a label or a value, in quotes.
    const bool number = std::string_view("bdefgoxEGX").find(text[end]) != std::string_view::npos;
    filled += text[end] == 'q' ? "\"x\"" : number ? "1" : "x";
    any = true;
    i = end;
  }
  text = std::move(filled);
  return any;
}

void OpenMatchers(promql::Expr& expr) {
  std::erase_if(expr.matchers,
                [](const promql::Matcher& matcher) { return matcher.name != kMetricName; });
  for (const auto& arg : expr.args) OpenMatchers(*arg);
}

class QueryCollector {
 public:
  explicit QueryCollector(const Template& parsed) : parsed_(parsed) {}

  std::vector<std::shared_ptr<const promql::Expr>> Run() {
    Walk(parsed_.root());
    return std::move(found_);
  }

 private:
  void Walk(const TemplateNode& node) {
    if (node.kind == TemplateNode::Kind::kPipe && Has(node, "query")) Collect(node);
    if (node.kind == TemplateNode::Kind::kTemplate && visited_.insert(node.text).second) {
      const TemplateNode* definition = parsed_.Find(node.text);
      if (definition != nullptr) Walk(*definition);
    }
    for (const auto& child : node.children) {
      if (child != nullptr) Walk(*child);
    }
  }

  static bool Has(const TemplateNode& node, std::string_view function) {
    if (node.kind == TemplateNode::Kind::kIdentifier && node.text == function) return true;
    return std::any_of(node.children.begin(), node.children.end(), [&](const auto& child) {
      return child != nullptr && Has(*child, function);
    });
  }

  // Every text in the pipe that is an expression: the others are formats and names.
  void Collect(const TemplateNode& node) {
    for (const auto& child : node.children) {
      if (child != nullptr) Collect(*child);
    }
    if (node.kind != TemplateNode::Kind::kString) return;
    std::string text = node.text;
    const bool filled = FillVerbs(text);
    Diagnostics diagnostics;
    promql::ParseOptions options;
    options.extensions = false;
    std::unique_ptr<promql::Expr> expr = promql::ParseText(text, diagnostics, options);
    if (expr == nullptr || diagnostics.has_errors()) return;
    if (filled) OpenMatchers(*expr);
    found_.emplace_back(std::move(expr));
  }

  const Template& parsed_;
  std::set<std::string> visited_;
  std::vector<std::shared_ptr<const promql::Expr>> found_;
};

}  // namespace

WrittenSeries::WrittenSeries(RuleGroups groups) : groups_(std::move(groups)) {
  for (size_t group = 0; group < groups_.size(); ++group) {
    const std::vector<Rule>& rules = groups_[group]->rules;
    for (size_t i = 0; i < rules.size(); ++i) {
      if (rules[i].alerting) {
        writers_[kAlertsMetric].push_back({group, i});
        writers_[kAlertsForStateMetric].push_back({group, i});
      } else {
        writers_[rules[i].name].push_back({group, i});
      }
    }
  }
}

std::vector<RulePlace> WrittenSeries::WritersOf(const promql::Expr& selector) const {
  std::vector<RulePlace> found;
  const auto look = [&](const std::string& metric, const std::vector<RulePlace>& writers) {
    for (const RulePlace& place : writers) {
      if (MayRead(selector, groups_[place.group]->rules[place.rule], metric)) {
        found.push_back(place);
      }
    }
  };
  if (!selector.text.empty()) {
    const auto writers = writers_.find(selector.text);
    if (writers != writers_.end()) look(writers->first, writers->second);
  } else {
    for (const auto& [metric, writers] : writers_) look(metric, writers);
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

std::vector<std::shared_ptr<const promql::Expr>> QueriesOf(const Rule& rule) {
  std::vector<std::shared_ptr<const promql::Expr>> found;
  if (!rule.alerting) return found;
  for (const Texts* texts : {&rule.labels, &rule.annotations}) {
    for (const auto& [name, text] : *texts) {
      if (text.find("query") == std::string::npos) continue;
      const auto parsed = ParseAlertTemplate(rule.name, text);
      if (!parsed.ok()) continue;
      for (auto& expr : QueryCollector(**parsed).Run()) found.push_back(std::move(expr));
    }
  }
  return found;
}

std::vector<const promql::Expr*> ReadBy(const Rule& rule) {
  std::vector<const promql::Expr*> selectors;
  const auto add = [&](const promql::Expr& expr) {
    for (const promql::Expr* selector : promql::Selectors(expr)) selectors.push_back(selector);
  };
  if (rule.expr != nullptr) add(*rule.expr);
  for (const auto& query : rule.queries) add(*query);
  return selectors;
}

std::vector<size_t> EvaluationOrder(const RuleGroups& groups) {
  const WrittenSeries written(groups);
  std::vector<std::set<size_t>> waits_for(groups.size()), awaited_by(groups.size());
  for (size_t reader = 0; reader < groups.size(); ++reader) {
    for (const Rule& rule : groups[reader]->rules) {
      for (const promql::Expr* selector : ReadBy(rule)) {
        for (const RulePlace& writer : written.WritersOf(*selector)) {
          if (writer.group == reader) continue;
          waits_for[reader].insert(writer.group);
          awaited_by[writer.group].insert(reader);
        }
      }
    }
  }
  std::set<size_t> ready, waiting;
  for (size_t i = 0; i < groups.size(); ++i) (waits_for[i].empty() ? ready : waiting).insert(i);
  std::vector<size_t> order;
  while (order.size() < groups.size()) {
    // Nothing ready: a circle, which the first of it breaks.
    std::set<size_t>& from = ready.empty() ? waiting : ready;
    const size_t next = *from.begin();
    from.erase(from.begin());
    order.push_back(next);
    for (const size_t reader : awaited_by[next]) {
      waits_for[reader].erase(next);
      if (waits_for[reader].empty() && waiting.erase(reader) > 0) ready.insert(reader);
    }
  }
  return order;
}

}  // namespace rootnote::prometheus
