#include "engine/cli/diagnostic_report.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

#include "fmt/format.h"
#include "rapidjson/stringbuffer.h"
#include "rapidjson/writer.h"

#include "engine/cli/version.h"
#include "rules/diagnostic_codes.h"
#include "rules/unquote.h"
#include "schemas/labels.h"

namespace rootnote {
namespace {

using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

std::string_view LevelName(DiagnosticLevel level) {
  switch (level) {
    case DiagnosticLevel::kError:
      return "error";
    case DiagnosticLevel::kWarning:
      return "warning";
    case DiagnosticLevel::kNote:
      return "note";
  }
  return "error";
}

std::string Page(DiagnosticCode code) { return fmt::format("docs/errors/{}.md", CodeName(code)); }

std::string_view Title(DiagnosticCode code) {
  for (const DiagnosticCodeRow& row : kDiagnosticCodes) {
    if (row.code == code) return row.title;
  }
  return "";
}

// JSON with fewer words. Text that is not UTF-8 is shown with replacement characters.
class JsonText {
 public:
  void Open() { writer_.StartObject(); }
  void Close() { writer_.EndObject(); }
  void OpenList() { writer_.StartArray(); }
  void CloseList() { writer_.EndArray(); }
  void Key(std::string_view key) { writer_.Key(key.data(), Size(key)); }
  void OpenAt(std::string_view key) {
    Key(key);
    Open();
  }
  void OpenListAt(std::string_view key) {
    Key(key);
    OpenList();
  }
  void Text(std::string_view key, std::string_view text) {
    Key(key);
    String(text);
  }
  void String(std::string_view text) {
    const std::string clean = Utf8(text);
    writer_.String(clean.data(), Size(clean));
  }
  void Number(std::string_view key, uint64_t number) {
    Key(key);
    writer_.Uint64(number);
  }
  std::string Take() const { return std::string(buffer_.GetString(), buffer_.GetSize()) + "\n"; }

 private:
  static rapidjson::SizeType Size(std::string_view text) {
    return static_cast<rapidjson::SizeType>(text.size());
  }

  static std::string Utf8(std::string_view text) {
    std::string clean;
    while (!text.empty()) {
      const size_t length = CodePointLength(text);
      clean += length == 0 ? std::string_view("\xEF\xBF\xBD") : text.substr(0, length);
      text.remove_prefix(std::max<size_t>(length, 1));
    }
    return clean;
  }

  rapidjson::StringBuffer buffer_;
  Writer writer_{buffer_};
};

size_t Warnings(const CompileResult& result) {
  const auto& list = result.diagnostics.list();
  return static_cast<size_t>(std::count_if(list.begin(), list.end(), [](const Diagnostic& one) {
    return one.level == DiagnosticLevel::kWarning;
  }));
}

// What a URI may not hold is percent-encoded; absolute paths become file URIs.
std::string UriOf(std::string_view path) {
  std::string uri = path.starts_with('/') ? "file://" : "";
  for (const char c : path) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~/+@,").find(c) != std::string_view::npos;
    uri += plain ? std::string(1, c)
                 : fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
  }
  return uri;
}

class SarifReport {
 public:
  explicit SarifReport(const CompileResult& result) : result_(result) {}

  std::string Text() {
    json_.Open();
    json_.Text("$schema", "https://json.schemastore.org/sarif-2.1.0.json");
    json_.Text("version", "2.1.0");
    json_.OpenListAt("runs");
    json_.Open();
    Tool();
    json_.Text("columnKind", "unicodeCodePoints");
    json_.OpenListAt("results");
    for (const Diagnostic& diagnostic : result_.diagnostics.list()) Result(diagnostic);
    json_.CloseList();
    json_.Close();
    json_.CloseList();
    json_.Close();
    return json_.Take();
  }

 private:
  void Tool() {
    json_.OpenAt("tool");
    json_.OpenAt("driver");
    json_.Text("name", "rootnote");
    json_.Text("version", kVersion);
    json_.OpenListAt("rules");
    for (const Diagnostic& diagnostic : result_.diagnostics.list()) {
      rules_.emplace(diagnostic.code, diagnostic.level);
    }
    for (const auto& [code, level] : rules_) {
      json_.Open();
      json_.Text("id", CodeName(code));
      TextAt("shortDescription", Title(code));
      TextAt("fullDescription", fmt::format("{}: {}", CodeName(code), Title(code)));
      TextAt("help", fmt::format("{} explains it, with a wrong and a right example.", Page(code)));
      json_.OpenAt("defaultConfiguration");
      json_.Text("level", LevelName(level));
      json_.Close();
      json_.Close();
    }
    json_.CloseList();
    json_.Close();
    json_.Close();
  }

  void TextAt(std::string_view key, std::string_view text) {
    json_.OpenAt(key);
    json_.Text("text", text);
    json_.Close();
  }

  void Result(const Diagnostic& diagnostic) {
    json_.Open();
    json_.Text("ruleId", CodeName(diagnostic.code));
    json_.Number("ruleIndex", static_cast<uint64_t>(
                                  std::distance(rules_.begin(), rules_.find(diagnostic.code))));
    json_.Text("level", LevelName(diagnostic.level));
    TextAt("message", diagnostic.hint.empty()
                          ? diagnostic.message
                          : fmt::format("{} ({})", diagnostic.message, diagnostic.hint));
    if (diagnostic.source < result_.sources.size()) {
      Location(diagnostic, result_.sources[diagnostic.source]);
    }
    json_.Close();
  }

  void Location(const Diagnostic& diagnostic, const RuleSource& source) {
    const Position begin = source.At(diagnostic.span.begin);
    const Position end = source.At(diagnostic.span.end);
    json_.OpenListAt("locations");
    json_.Open();
    json_.OpenAt("physicalLocation");
    json_.OpenAt("artifactLocation");
    json_.Text("uri", UriOf(source.name()));
    json_.Close();
    json_.OpenAt("region");
    json_.Number("startLine", begin.line);
    json_.Number("startColumn", begin.column);
    json_.Number("endLine", end.line);
    json_.Number("endColumn", end.column);
    json_.Close();
    json_.Close();
    json_.Close();
    json_.CloseList();
    // What stays the same when lines above it come and go; the number tells equal lines apart.
    const std::string line =
        fmt::format("{}:{:016x}", CodeName(diagnostic.code), HashBytes(source.Line(begin.line)));
    const unsigned count = ++seen_[fmt::format("{}:{}", source.name(), line)];
    json_.OpenAt("partialFingerprints");
    json_.Text("primaryLocationLineHash", fmt::format("{}:{}", line, count));
    json_.Close();
  }

  const CompileResult& result_;
  JsonText json_;
  std::map<DiagnosticCode, DiagnosticLevel> rules_;
  std::map<std::string, unsigned> seen_;
};

}  // namespace

std::string DiagnosticsJson(const CompileResult& result) {
  JsonText json;
  json.Open();
  json.Number("version", 1);
  json.Number("errors", result.diagnostics.errors());
  json.Number("warnings", Warnings(result));
  json.Number("dropped", result.diagnostics.dropped());
  json.OpenListAt("diagnostics");
  for (const Diagnostic& diagnostic : result.diagnostics.list()) {
    json.Open();
    json.Text("code", CodeName(diagnostic.code));
    json.Text("level", LevelName(diagnostic.level));
    json.Text("message", diagnostic.message);
    if (!diagnostic.hint.empty()) json.Text("hint", diagnostic.hint);
    if (diagnostic.source < result.sources.size()) {
      const RuleSource& source = result.sources[diagnostic.source];
      const Position begin = source.At(diagnostic.span.begin);
      const Position end = source.At(diagnostic.span.end);
      json.Text("file", source.name());
      json.Number("line", begin.line);
      json.Number("column", begin.column);
      json.Number("end_line", end.line);
      json.Number("end_column", end.column);
    }
    json.Text("page", Page(diagnostic.code));
    json.Close();
  }
  json.CloseList();
  json.Close();
  return json.Take();
}

std::string DiagnosticsSarif(const CompileResult& result) { return SarifReport(result).Text(); }

}  // namespace rootnote
