// The templates of alerts' labels and annotations.
#include <memory>
#include <string>
#include <string_view>

#include "fmt/format.h"

#include "rules/prometheus/template.h"

namespace rootnote::prometheus {
namespace {

// What Prometheus writes before every text of an alert.
constexpr std::string_view kDefinitions =
    "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}"
    "{{$externalURL := .ExternalURL}}{{$value := .Value}}";

}  // namespace

absl::StatusOr<std::shared_ptr<const Template>> ParseAlertTemplate(const std::string& alert,
                                                                   const std::string& text) {
  return Template::Parse("__alert_" + alert, std::string(kDefinitions) + text);
}

absl::Status CheckAlertTemplate(const std::string& alert, const std::string& text) {
  if (text.find("{{") == std::string::npos) return absl::OkStatus();
  return ParseAlertTemplate(alert, text).status();
}

std::string TemplateError(std::string_view doing, const std::string& alert,
                          const absl::Status& status) {
  return fmt::format("<error expanding template: error {} template __alert_{}: {}>", doing, alert,
                     std::string(status.message()));
}

std::string ExpandAlertTemplate(const std::string& alert, const std::string& text,
                                const TemplateContext& context) {
  if (text.find("{{") == std::string::npos) return text;
  const absl::StatusOr<std::shared_ptr<const Template>> parsed = ParseAlertTemplate(alert, text);
  if (!parsed.ok()) return TemplateError("parsing", alert, parsed.status());
  absl::StatusOr<std::string> expanded = Execute(**parsed, context);
  return expanded.ok() ? *std::move(expanded)
                       : TemplateError("executing", alert, expanded.status());
}

}  // namespace rootnote::prometheus
