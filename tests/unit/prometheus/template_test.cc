#include "rules/prometheus/template.h"

#include <cmath>
#include <limits>

#include "gtest/gtest.h"

namespace rootnote::prometheus {
namespace {

TemplateContext Context(double value = 1234567.0) {
  TemplateContext context;
  context.labels =
      Labels::From({{"__name__", "up"}, {"instance", "db1.example.com:9100"}, {"job", "node"}});
  context.value = value;
  context.external_labels = Labels::From({{"cluster", "blue"}});
  context.external_url = "http://prometheus.example";
  context.now = FromMillis(1'500'000'000'250);
  context.query = [](const std::string& expr) -> absl::StatusOr<promql::Vector> {
    if (expr == "bad") return absl::InvalidArgumentError("parse error");
    if (expr == "none") return promql::Vector{};
    return promql::Vector{{Labels::From({{"__name__", "x"}, {"disk", "b"}}), 2},
                          {Labels::From({{"__name__", "x"}, {"disk", "a"}}), 7.5}};
  };
  return context;
}

std::string Expand(const std::string& text, const TemplateContext& context = Context()) {
  return ExpandAlertTemplate("A", text, context);
}

TEST(Template, VariablesAndFields) {
  EXPECT_EQ(Expand("plain"), "plain");
  EXPECT_EQ(Expand("{{ $labels.instance }} {{ .Labels.job }}"), "db1.example.com:9100 node");
  EXPECT_EQ(Expand("{{ $labels.none }}|{{ .Value }}|{{ $value }}"), "|1.234567e+06|1.234567e+06");
  EXPECT_EQ(Expand("{{ $externalLabels.cluster }} {{ $externalURL }}"),
            "blue http://prometheus.example");
  EXPECT_EQ(Expand("{{ index $labels \"job\" }}"), "node");
  EXPECT_EQ(Expand("{{ $x := 3 }}{{ $x = 4 }}{{ $x }}"), "4");
  EXPECT_EQ(Expand("{{ $labels }}"), "map[__name__:up instance:db1.example.com:9100 job:node]");
}

TEST(Template, TrimMarkersAndComments) {
  EXPECT_EQ(Expand("a  {{- $labels.job -}}  b{{/* nothing */}}c"), "anodebc");
  EXPECT_EQ(Expand("a {{- /* gone */ -}} b"), "ab");
  EXPECT_EQ(Expand("{{ -1 }}"), "-1");
}

TEST(Template, ControlStructures) {
  EXPECT_EQ(Expand("{{ if gt $value 5.0 }}high{{ else }}low{{ end }}"), "high");
  EXPECT_EQ(Expand("{{ if eq $labels.job \"x\" }}a{{ else if eq $labels.job \"node\" \"y\" }}b"
                   "{{ else }}c{{ end }}"),
            "b");
  EXPECT_EQ(Expand("{{ with $labels.none }}a{{ else }}b{{ end }}"), "b");
  EXPECT_EQ(Expand("{{ range query \"x\" }}{{ .Labels.disk }}={{ .Value }};{{ end }}"),
            "b=2;a=7.5;");
  EXPECT_EQ(Expand("{{ range $i, $e := query \"x\" }}{{ $i }}{{ $e | value }} {{ end }}"),
            "02 17.5 ");
  EXPECT_EQ(Expand("{{ range query \"none\" }}a{{ else }}empty{{ end }}"), "empty");
  EXPECT_EQ(Expand("{{ range $k, $v := $labels }}{{ $k }},{{ end }}"), "__name__,instance,job,");
  EXPECT_EQ(Expand("{{ range query \"x\" }}{{ if eq .Value 7.5 }}{{ continue }}{{ end }}"
                   "{{ .Value }}{{ break }}{{ end }}"),
            "2");
  EXPECT_EQ(Expand("{{ define \"t\" }}<{{ . }}>{{ end }}{{ template \"t\" $labels.job }}"),
            "<node>");
}

TEST(Template, PrometheusFunctions) {
  EXPECT_EQ(Expand("{{ query \"x\" | first | label \"disk\" }}"), "b");
  EXPECT_EQ(Expand("{{ query \"x\" | sortByLabel \"disk\" | first | value }}"), "7.5");
  EXPECT_EQ(Expand("{{ \"a.b:80\" | stripPort }} {{ \"a.b:80\" | stripDomain }} "
                   "{{ \"10.0.0.1:80\" | stripDomain }}"),
            "a.b a:80 10.0.0.1:80");
  EXPECT_EQ(Expand("{{ \"foo bar\" | title }} {{ \"x\" | toUpper }} {{ \"Y\" | toLower }}"),
            "Foo Bar X y");
  EXPECT_EQ(Expand("{{ reReplaceAll \"(.*):\\\\d+\" \"$1!\" $labels.instance }}"),
            "db1.example.com!");
  EXPECT_EQ(Expand("{{ reReplaceAll \"\" \"-\" \"ab\" }}"), "-a-b-");
  EXPECT_EQ(Expand("{{ match \"b1\" $labels.instance }} {{ match \"^x\" \"y\" }}"), "true false");
  EXPECT_EQ(Expand("{{ graphLink \"up == 0\" }}"), "/graph?g0.expr=up+%3D%3D+0&g0.tab=0");
  EXPECT_EQ(Expand("{{ (args 1 \"b\").arg1 }}"), "b");
  EXPECT_EQ(Expand("{{ parseDuration \"1h30m\" }} {{ now }}"), "5400 1.50000000025e+09");
  EXPECT_EQ(Expand("{{ toTime 1435065584.128 }}"), "2015-06-23 13:19:44.128 +0000 UTC");
  EXPECT_EQ(Expand("{{ toDuration 90.5 }}"), "1m30.5s");
}

TEST(Template, Humanize) {
  const auto humanized = [](const std::string& function, double value) {
    return Expand("{{ $value | " + function + " }}", Context(value));
  };
  EXPECT_EQ(humanized("humanize", 1234567), "1.235M");
  EXPECT_EQ(humanized("humanize", 0.0012), "1.2m");
  EXPECT_EQ(humanized("humanize", std::numeric_limits<double>::infinity()), "+Inf");
  EXPECT_EQ(humanized("humanize1024", 1048576), "1Mi");
  EXPECT_EQ(humanized("humanizePercentage", 0.12345), "12.35%");
  EXPECT_EQ(humanized("humanizeDuration", 93784.5), "1d 2h 3m 4s");
  EXPECT_EQ(humanized("humanizeDuration", 0.00015), "150us");
  EXPECT_EQ(humanized("humanizeTimestamp", 1435065584.128), "2015-06-23 13:19:44.128 +0000 UTC");
  EXPECT_EQ(humanized("humanizeTimestamp", std::nan("")), "NaN");
}

TEST(Template, Printf) {
  EXPECT_EQ(Expand("{{ printf \"%.2f%% of %s, %5d|%-4s|%q\" 12.345 \"x\" 42 \"ab\" \"c\" }}"),
            "12.35% of x,    42|ab  |\"c\"");
  EXPECT_EQ(Expand("{{ printf \"%d\" 1.5 }} {{ printf \"%s\" }}"), "%!d(float64=1.5) %!s(MISSING)");
  EXPECT_EQ(Expand("{{ printf \"%v %t %x\" 100000.0 true 255 }}"), "100000 true ff");
  EXPECT_EQ(Expand("{{ printf \"%08.3f|%+d|%e\" 3.14159 5 12345.678 }}"),
            "0003.142|+5|1.234568e+04");
  EXPECT_EQ(Expand("{{ print 1 2 \"a\" 3 }}"), "1 2a3");
}

TEST(Template, ErrorsReadAsInPrometheus) {
  EXPECT_EQ(Expand("{{ $value | nofunc }}"),
            "<error expanding template: error parsing template __alert_A: template: __alert_A:1: "
            "function \"nofunc\" not defined>");
  EXPECT_EQ(Expand("{{ gt $value 5 }}"),
            "<error expanding template: error executing template __alert_A: template: "
            "__alert_A:1:115: executing \"__alert_A\" at <gt $value 5>: error calling gt: "
            "incompatible types for comparison: float64 and int>");
  EXPECT_EQ(Expand("{{ query \"none\" | first }}").find("<error expanding template: "), 0u);
  EXPECT_NE(Expand("{{ query \"none\" | first }}")
                .find("error calling first: first() called on vector with no elements"),
            std::string::npos);
  EXPECT_NE(Expand("{{ title $value }}").find("wrong type for value; expected string; got float64"),
            std::string::npos);
}

TEST(Template, BadTemplatesAreRefusedWhenParsed) {
  for (const char* text : {"{{", "{{ if }}", "{{ $nowhere }}", "{{ end }}", "{{ if true }}",
                           "{{ \"open }}", "{{ tmpl \"x\" . }}", "{{ range }}{{ end }}",
                           "{{ .Value | }}", "{{ (1 }}", "{{ 1 | 2 }}", "{{ break }}", "{{/* }}"}) {
    EXPECT_FALSE(CheckAlertTemplate("A", text).ok()) << text;
  }
  for (const char* text : {"{{ $value }}", "{ {", "}}", "{{ template \"x\" }}"}) {
    EXPECT_TRUE(CheckAlertTemplate("A", text).ok()) << text;
  }
  std::string deep;
  for (int i = 0; i < 5000; ++i) deep += "{{ if true }}";
  EXPECT_FALSE(CheckAlertTemplate("A", deep).ok());
  EXPECT_FALSE(CheckAlertTemplate("A", "{{ " + std::string(5000, '(') + " }}").ok());
}

TEST(Template, EndlessTemplatesEnd) {
  const std::string text = "{{ define \"t\" }}{{ template \"t\" }}{{ end }}{{ template \"t\" }}";
  EXPECT_EQ(Expand(text).find("<error expanding template: "), 0u);
  EXPECT_EQ(Expand("{{ range 2000000000 }}{{ end }}").find("<error expanding template: "), 0u);
}

}  // namespace
}  // namespace rootnote::prometheus
