#include "rules/lsp/server.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <set>
#include <utility>

#include "fmt/format.h"
#include "rapidjson/document.h"
#include "rapidjson/stringbuffer.h"
#include "rapidjson/writer.h"

#include "rules/format/format.h"
#include "rules/importer.h"
#include "rules/lsp/analysis.h"
#include "rules/lsp/completion.h"
#include "rules/lsp/hover.h"
#include "rules/lsp/position.h"
#include "rules/unquote.h"

namespace rootnote {
namespace {

using Json = rapidjson::Value;

// The protocol's error codes.
constexpr int kParseError = -32700;
constexpr int kInvalidRequest = -32600;
constexpr int kMethodNotFound = -32601;
constexpr int kInvalidParams = -32602;
constexpr int kServerNotInitialized = -32002;

constexpr size_t kDocumentsMax = 1000;
constexpr size_t kDocumentBytesMax = 32U << 20;

std::string Utf8(std::string_view text) {
  std::string clean;
  while (!text.empty()) {
    const size_t length = CodePointLength(text);
    clean += length == 0 ? std::string_view("\xEF\xBF\xBD") : text.substr(0, length);
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return clean;
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// file:///a%20b → /a b; another scheme stays as it is.
std::string PathOf(std::string_view uri) {
  constexpr std::string_view kScheme = "file://";
  if (!uri.starts_with(kScheme)) return std::string(uri);
  uri.remove_prefix(kScheme.size());
  std::string path;
  for (size_t i = 0; i < uri.size(); ++i) {
    const int high = i + 2 < uri.size() && uri[i] == '%' ? HexDigit(uri[i + 1]) : -1;
    const int low = high >= 0 ? HexDigit(uri[i + 2]) : -1;
    if (low < 0) {
      path += uri[i];
    } else {
      path += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return path;
}

std::string UriOf(std::string_view path) {
  if (!path.starts_with('/')) return std::string(path);
  std::string uri = "file://";
  for (const char c : path) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~/").find(c) != std::string_view::npos;
    uri += plain ? std::string(1, c)
                 : fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
  }
  return uri;
}

// Members that may be missing, or of another type.
const Json* Member(const Json* object, const char* name) {
  if (object == nullptr || !object->IsObject()) return nullptr;
  const auto at = object->FindMember(name);
  return at == object->MemberEnd() ? nullptr : &at->value;
}

std::optional<std::string> TextOf(const Json* value) {
  if (value == nullptr || !value->IsString()) return std::nullopt;
  return std::string(value->GetString(), value->GetStringLength());
}

std::optional<EditorPosition> PositionOf(const Json* value) {
  const Json* line = Member(value, "line");
  const Json* character = Member(value, "character");
  if (line == nullptr || character == nullptr || !line->IsUint() || !character->IsUint()) {
    return std::nullopt;
  }
  return EditorPosition{line->GetUint(), character->GetUint()};
}

class Reply {
 public:
  using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

  Reply() {
    writer_.StartObject();
    Text("jsonrpc", "2.0");
  }
  Writer& writer() { return writer_; }
  void Key(std::string_view key) {
    writer_.Key(key.data(), static_cast<rapidjson::SizeType>(key.size()));
  }
  void Text(std::string_view key, std::string_view text) {
    Key(key);
    const std::string clean = Utf8(text);
    writer_.String(clean.data(), static_cast<rapidjson::SizeType>(clean.size()));
  }
  void Number(std::string_view key, int64_t number) {
    Key(key);
    writer_.Int64(number);
  }
  void Open(std::string_view key) {
    Key(key);
    writer_.StartObject();
  }
  void Close() { writer_.EndObject(); }
  void Id(const Json* id) {
    Key("id");
    if (id != nullptr && (id->IsString() || id->IsNumber())) {
      id->Accept(writer_);
    } else {
      writer_.Null();
    }
  }
  void Range(std::string_view key, const EditorLines& lines, Span span) {
    Open(key);
    Place("start", lines.At(span.begin));
    Place("end", lines.At(span.end));
    Close();
  }
  std::string Take() {
    writer_.EndObject();
    return {buffer_.GetString(), buffer_.GetSize()};
  }

 private:
  void Place(std::string_view key, EditorPosition position) {
    Open(key);
    Number("line", position.line);
    Number("character", position.character);
    Close();
  }

  rapidjson::StringBuffer buffer_;
  Writer writer_{buffer_};
};

}  // namespace

class LanguageServer::Session {
 public:
  explicit Session(LanguageServerOptions options) : options_(std::move(options)) {}

  std::vector<std::string> Receive(std::string_view message) {
    out_.clear();
    rapidjson::Document document;
    // Iterative: depth costs no stack.
    document.Parse<rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag>(
        message.data(), message.size());
    if (document.HasParseError()) {
      Fail(nullptr, kParseError, "not JSON");
      return std::move(out_);
    }
    const std::optional<std::string> method = TextOf(Member(&document, "method"));
    const Json* id = Member(&document, "id");
    if (!method) {
      // A response to what we never ask, or nothing of the protocol.
      if (Member(&document, "result") == nullptr && Member(&document, "error") == nullptr) {
        Fail(id, kInvalidRequest, "no method");
      }
      return std::move(out_);
    }
    const Json* params = Member(&document, "params");
    if (id != nullptr) {
      Request(*method, id, params);
    } else {
      Notification(*method, params);
    }
    return std::move(out_);
  }

  bool exited() const { return exited_; }
  int exit_code() const { return shut_down_ ? 0 : 1; }

 private:
  struct Document {
    std::string text;
    std::unique_ptr<Analysis> analysis;
    std::unique_ptr<EditorLines> lines;
  };

  void Fail(const Json* id, int code, std::string_view message) {
    Reply reply;
    reply.Id(id);
    reply.Open("error");
    reply.Number("code", code);
    reply.Text("message", message);
    reply.Close();
    out_.push_back(reply.Take());
  }

  void Null(const Json* id) {
    Reply reply;
    reply.Id(id);
    reply.Key("result");
    reply.writer().Null();
    out_.push_back(reply.Take());
  }

  void Request(const std::string& method, const Json* id, const Json* params) {
    if (method == "initialize" && !initialized_) return Initialize(id);
    if (!initialized_) return Fail(id, kServerNotInitialized, "`initialize` comes first");
    if (shut_down_) return Fail(id, kInvalidRequest, "shut down");
    if (method == "shutdown") {
      shut_down_ = true;
      return Null(id);
    }
    using Answer = void (Session::*)(const Json*, const Document&, const std::string&, uint32_t);
    static constexpr std::pair<std::string_view, Answer> kPlaced[] = {
        {"textDocument/completion", &Session::Complete},
        {"textDocument/hover", &Session::ShowHover},
        {"textDocument/definition", &Session::ShowDefinition},
    };
    const std::optional<std::string> uri = TextOf(Member(Member(params, "textDocument"), "uri"));
    const auto document = uri ? documents_.find(*uri) : documents_.end();
    for (const auto& [name, answer] : kPlaced) {
      if (method != name) continue;
      const std::optional<EditorPosition> position = PositionOf(Member(params, "position"));
      if (document == documents_.end() || !position) {
        return Fail(id, kInvalidParams, "no open document, or no position");
      }
      const uint32_t offset = document->second.lines->OffsetOf(*position);
      return (this->*answer)(id, document->second, document->first, offset);
    }
    const bool whole =
        method == "textDocument/formatting" || method == "textDocument/documentSymbol";
    if (!whole) return Fail(id, kMethodNotFound, "unknown: " + method);
    if (document == documents_.end()) return Fail(id, kInvalidParams, "no such open document");
    if (method == "textDocument/formatting") return FormatDocument(id, document->second);
    ListSymbols(id, document->second);
  }

  void Notification(const std::string& method, const Json* params) {
    if (method == "exit") {
      exited_ = true;
      return;
    }
    if (!initialized_ || shut_down_) return;
    const Json* document = Member(params, "textDocument");
    const std::optional<std::string> uri = TextOf(Member(document, "uri"));
    if (!uri) return;
    if (method == "textDocument/didOpen") {
      SetText(*uri, TextOf(Member(document, "text")));
    } else if (method == "textDocument/didChange") {
      // Full text each time: the last one holds.
      const Json* changes = Member(params, "contentChanges");
      if (changes == nullptr || !changes->IsArray() || changes->Empty()) return;
      const Json* last = &(*changes)[changes->Size() - 1];
      if (Member(last, "range") == nullptr && documents_.contains(*uri)) {
        SetText(*uri, TextOf(Member(last, "text")));
      }
    } else if (method == "textDocument/didClose") {
      if (documents_.erase(*uri) > 0) {
        Publish(*uri, nullptr);
        for (const std::string& other : std::exchange(found_[*uri], {})) Publish(other, nullptr);
        found_.erase(*uri);
      }
    }
  }

  void Initialize(const Json* id) {
    initialized_ = true;
    Reply reply;
    reply.Id(id);
    reply.Open("result");
    reply.Open("capabilities");
    reply.Text("positionEncoding", "utf-16");
    reply.Open("textDocumentSync");
    reply.Key("openClose");
    reply.writer().Bool(true);
    reply.Number("change", 1);
    reply.Close();
    reply.Open("completionProvider");
    reply.Close();
    for (const char* provider : {"hoverProvider", "definitionProvider",
                                 "documentFormattingProvider", "documentSymbolProvider"}) {
      reply.Key(provider);
      reply.writer().Bool(true);
    }
    reply.Close();
    reply.Open("serverInfo");
    reply.Text("name", "rootnote");
    reply.Text("version", options_.version);
    reply.Close();
    reply.Close();
    out_.push_back(reply.Take());
  }

  void SetText(const std::string& uri, std::optional<std::string> text) {
    if (!text || text->size() > kDocumentBytesMax) return;
    if (documents_.size() >= kDocumentsMax && !documents_.contains(uri)) return;
    Document& document = documents_[uri];
    document.text = *std::move(text);
    document.lines = std::make_unique<EditorLines>(document.text);
    document.analysis = std::make_unique<Analysis>(
        Analyse(RuleSource(PathOf(uri), document.text), Beside(uri), options_.compile));
    Publish(uri, &document);
    PublishFound(uri, document);
  }

  // The files of the folder, as the editor has them.
  std::vector<RuleSource> Beside(const std::string& uri) const {
    if (!options_.neighbours) return {};
    std::vector<RuleSource> beside = options_.neighbours(PathOf(uri));
    for (RuleSource& one : beside) {
      const auto open = documents_.find(UriOf(one.name()));
      if (open != documents_.end()) one = RuleSource(one.name(), open->second.text);
    }
    return beside;
  }

  void Publish(const std::string& uri, const Document* document) {
    Reply reply;
    reply.Text("method", "textDocument/publishDiagnostics");
    reply.Open("params");
    reply.Text("uri", uri);
    reply.Key("diagnostics");
    reply.writer().StartArray();
    if (document != nullptr) {
      for (const Diagnostic& diagnostic : document->analysis->result.diagnostics.list()) {
        if (diagnostic.source == 0) AddDiagnostic(diagnostic, *document->lines, reply);
      }
    }
    reply.writer().EndArray();
    reply.Close();
    out_.push_back(reply.Take());
  }

  // What was found in the packs and imported files that no editor has open.
  void PublishFound(const std::string& uri, const Document& document) {
    const Analysis& analysis = *document.analysis;
    const std::vector<RuleSource>& sources = analysis.result.sources;
    std::map<std::string, std::pair<const RuleSource*, std::vector<Diagnostic>>> found;
    for (Diagnostic diagnostic : analysis.result.diagnostics.list()) {
      if (diagnostic.source < analysis.given || diagnostic.source >= sources.size()) continue;
      const RuleSource* source = &sources[diagnostic.source];
      if (const RuleSource* yaml = FileOfImported(analysis, *source)) {
        diagnostic.span = AlertIn(*yaml, SignalAbove(*source, diagnostic.span.begin));
        source = yaml;
      }
      const std::string other = UriOf(source->name());
      if (!other.starts_with("file://") || documents_.contains(other)) continue;
      found[other].first = source;
      found[other].second.push_back(std::move(diagnostic));
    }
    std::set<std::string> before = std::exchange(found_[uri], {});
    for (const auto& [other, here] : found) {
      const EditorLines lines(here.first->text());
      Reply reply;
      reply.Text("method", "textDocument/publishDiagnostics");
      reply.Open("params");
      reply.Text("uri", other);
      reply.Key("diagnostics");
      reply.writer().StartArray();
      for (const Diagnostic& diagnostic : here.second) AddDiagnostic(diagnostic, lines, reply);
      reply.writer().EndArray();
      reply.Close();
      out_.push_back(reply.Take());
      found_[uri].insert(other);
      before.erase(other);
    }
    for (const std::string& gone : before) Publish(gone, nullptr);
  }

  // The name of the last signal that begins at or before `offset`.
  static std::string SignalAbove(const RuleSource& source, uint32_t offset) {
    constexpr std::string_view kWord = "signal ";
    const std::string_view text = source.text();
    const size_t at = text.substr(0, offset + kWord.size()).rfind(kWord);
    if (at == std::string_view::npos) return "";
    const size_t begin = at + kWord.size();
    return std::string(text.substr(begin, text.find(' ', begin) - begin));
  }

  static void AddDiagnostic(const Diagnostic& diagnostic, const EditorLines& lines, Reply& reply) {
    reply.writer().StartObject();
    reply.Range("range", lines, diagnostic.span);
    reply.Number("severity", diagnostic.level == DiagnosticLevel::kError     ? 1
                             : diagnostic.level == DiagnosticLevel::kWarning ? 2
                                                                             : 3);
    reply.Text("code", CodeName(diagnostic.code));
    reply.Text("source", "rootnote");
    reply.Text("message", diagnostic.hint.empty()
                              ? diagnostic.message
                              : fmt::format("{}\n{}", diagnostic.message, diagnostic.hint));
    reply.Close();
  }

  void Complete(const Json* id, const Document& document, const std::string&, uint32_t offset) {
    Reply reply;
    reply.Id(id);
    reply.Key("result");
    reply.writer().StartArray();
    for (const Completion& completion : CompletionsAt(*document.analysis, offset)) {
      reply.writer().StartObject();
      reply.Text("label", completion.label);
      reply.Number("kind", static_cast<int>(completion.type));
      reply.Text("detail", completion.detail);
      if (!completion.doc.empty()) Markdown("documentation", completion.doc, reply);
      reply.Close();
    }
    reply.writer().EndArray();
    out_.push_back(reply.Take());
  }

  static void Markdown(std::string_view key, std::string_view text, Reply& reply) {
    reply.Open(key);
    reply.Text("kind", "markdown");
    reply.Text("value", text);
    reply.Close();
  }

  void ShowHover(const Json* id, const Document& document, const std::string&, uint32_t offset) {
    std::optional<Hover> hover = HoverAt(*document.analysis, offset);
    if (!hover) hover = HoverOfFiles(*document.analysis, offset);
    if (!hover) return Null(id);
    Reply reply;
    reply.Id(id);
    reply.Open("result");
    Markdown("contents", hover->text, reply);
    reply.Range("range", *document.lines, hover->span);
    reply.Close();
    out_.push_back(reply.Take());
  }

  // Over the path of a `use` or an `import`: the files.
  std::optional<Hover> HoverOfFiles(const Analysis& analysis, uint32_t offset) const {
    std::string text;
    for (const RuleSource& file : FilesAt(analysis, offset, options_.compile)) {
      text += fmt::format("{}`{}`", text.empty() ? "" : "\n\n", file.name());
    }
    const size_t at = TokenAt(analysis.tokens, offset);
    if (text.empty() || at >= analysis.tokens.size()) return std::nullopt;
    return Hover{.span = analysis.tokens[at].span, .text = std::move(text)};
  }

  void ShowDefinition(const Json* id, const Document& document, const std::string& uri,
                      uint32_t offset) {
    const Analysis& analysis = *document.analysis;
    const Symbol* symbol = SymbolAt(analysis, TokenAt(analysis.tokens, offset), offset);
    if (symbol == nullptr) return ShowFiles(id, FilesAt(analysis, offset, options_.compile));
    const RuleSource* source = &analysis.result.sources[symbol->source];
    Span span = symbol->name_span;
    if (const RuleSource* yaml = FileOfImported(analysis, *source)) {
      source = yaml;
      span = AlertIn(*yaml, symbol->name);
    }
    const EditorLines lines(source->text());
    Reply reply;
    reply.Id(id);
    reply.Open("result");
    reply.Text("uri", symbol->source == 0 ? uri : UriOf(source->name()));
    reply.Range("range", lines, span);
    reply.Close();
    out_.push_back(reply.Take());
  }

  void ShowFiles(const Json* id, const std::vector<RuleSource>& files) {
    if (files.empty()) return Null(id);
    Reply reply;
    reply.Id(id);
    reply.Key("result");
    reply.writer().StartArray();
    for (const RuleSource& file : files) {
      reply.writer().StartObject();
      reply.Text("uri", UriOf(file.name()));
      reply.Range("range", EditorLines(file.text()), {0, 0});
      reply.Close();
    }
    reply.writer().EndArray();
    out_.push_back(reply.Take());
  }

  // The YAML file that the text of imported signals was made of; null for other sources.
  static const RuleSource* FileOfImported(const Analysis& analysis, const RuleSource& source) {
    const std::string_view name = source.name();
    if (!name.ends_with(kImportedSuffix)) return nullptr;
    for (const RuleSource& one : analysis.result.sources) {
      if (one.name() == name.substr(0, name.size() - kImportedSuffix.size())) return &one;
    }
    return nullptr;
  }

  // Where `alert: NAME` stands; the beginning of the file if the signal has another name.
  static Span AlertIn(const RuleSource& yaml, const std::string& name) {
    if (name.empty()) return {0, 0};
    for (size_t at = yaml.text().find("alert:"); at != std::string_view::npos;
         at = yaml.text().find("alert:", at + 1)) {
      const size_t begin = yaml.text().find_first_not_of(" \t'\"", at + 6);
      if (begin == std::string_view::npos || !yaml.text().substr(begin).starts_with(name)) continue;
      const size_t end = begin + name.size();
      const char after = end < yaml.text().size() ? yaml.text()[end] : '\n';
      if (std::isalnum(static_cast<unsigned char>(after)) != 0 || after == '_') continue;
      return {static_cast<uint32_t>(begin), static_cast<uint32_t>(end)};
    }
    return {0, 0};
  }

  void FormatDocument(const Json* id, const Document& document) {
    const Formatted formatted = Format(document.analysis->document());
    if (!formatted.text) return Null(id);
    Reply reply;
    reply.Id(id);
    reply.Key("result");
    reply.writer().StartArray();
    if (*formatted.text != document.text) {
      reply.writer().StartObject();
      reply.Range("range", *document.lines, {0, static_cast<uint32_t>(document.text.size())});
      reply.Text("newText", *formatted.text);
      reply.Close();
    }
    reply.writer().EndArray();
    out_.push_back(reply.Take());
  }

  void ListSymbols(const Json* id, const Document& document) {
    // Class, interface, event, object, method, function: as the protocol numbers them.
    static constexpr int kNumbers[] = {5, 11, 24, 19, 6, 12};
    Reply reply;
    reply.Id(id);
    reply.Key("result");
    reply.writer().StartArray();
    for (const Symbol& symbol : document.analysis->symbols) {
      if (symbol.source != 0) continue;
      reply.writer().StartObject();
      reply.Text("name", symbol.name.empty() ? "?" : symbol.name);
      reply.Text("detail", TypeName(symbol.type));
      reply.Number("kind", kNumbers[static_cast<size_t>(symbol.type)]);
      reply.Range("range", *document.lines, symbol.span);
      reply.Range("selectionRange", *document.lines, symbol.name_span);
      reply.Close();
    }
    reply.writer().EndArray();
    out_.push_back(reply.Take());
  }

  const LanguageServerOptions options_;
  std::map<std::string, Document> documents_;  // by URI
  // By the document that reads them: the files that diagnostics were published for.
  std::map<std::string, std::set<std::string>> found_;
  std::vector<std::string> out_;
  bool initialized_ = false, shut_down_ = false, exited_ = false;
};

LanguageServer::LanguageServer(LanguageServerOptions options)
    : session_(std::make_unique<Session>(std::move(options))) {}
LanguageServer::~LanguageServer() = default;

std::vector<std::string> LanguageServer::Receive(std::string_view message) {
  return session_->Receive(message);
}
bool LanguageServer::exited() const { return session_->exited(); }
int LanguageServer::exit_code() const { return session_->exit_code(); }

}  // namespace rootnote
