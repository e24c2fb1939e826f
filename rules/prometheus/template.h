// Go's text/template, as far as Prometheus' labels and annotations use it, with Prometheus'
// functions. Sources: Go's package documentation of text/template and fmt; Prometheus'
// documentation, "Template reference". `tmpl` belongs to console templates and is unknown here, as
// it is in Prometheus' rules.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/promql/evaluator.h"
#include "schemas/base/status.h"
#include "schemas/base/time.h"
#include "schemas/labels.h"

namespace rootnote::prometheus {

struct TemplateNode;

// A parsed template. Immutable.
class Template {
 public:
  // InvalidArgument with Go's words: "template: NAME:1: unexpected …".
  static absl::StatusOr<std::shared_ptr<const Template>> Parse(std::string name, std::string text);

  const std::string& name() const { return name_; }
  const std::string& text() const { return text_; }
  const TemplateNode& root() const { return *root_; }
  const TemplateNode* Find(const std::string& definition) const;

 private:
  Template() = default;

  std::string name_, text_;
  std::unique_ptr<TemplateNode> root_;
  std::map<std::string, std::unique_ptr<TemplateNode>> definitions_;
  friend class TemplateParser;
};

// What a template of an alert sees.
struct TemplateContext {
  Labels labels;  // of the element, with its metric name
  double value = 0;
  Labels external_labels;
  std::string external_url;  // $externalURL
  // What the function externalURL gives; none where Prometheus has none (promtool).
  std::optional<std::string> server_url;
  EventTime now;
  // The function `query`. Empty: no queries.
  std::function<absl::StatusOr<promql::Vector>(const std::string& expr)> query;
};

// The text, or InvalidArgument with Go's words.
absl::StatusOr<std::string> Execute(const Template& parsed, const TemplateContext& context);

// A label's or an annotation's text of the alert `alert`: with $labels, $value, $externalLabels and
// $externalURL in reach.
absl::StatusOr<std::shared_ptr<const Template>> ParseAlertTemplate(const std::string& alert,
                                                                   const std::string& text);
absl::Status CheckAlertTemplate(const std::string& alert, const std::string& text);
// What Prometheus shows in the place of a text that cannot be expanded; `doing` is "parsing" or
// "executing".
std::string TemplateError(std::string_view doing, const std::string& alert,
                          const absl::Status& status);
// Never fails: what is wrong is the text, "<error expanding template: …>", as in Prometheus.
std::string ExpandAlertTemplate(const std::string& alert, const std::string& text,
                                const TemplateContext& context);

}  // namespace rootnote::prometheus
