#include "rules/compiler.h"

#include <algorithm>
#include <utility>

#include "fmt/core.h"

#include "rules/checker.h"
#include "rules/expansion.h"
#include "rules/importer.h"
#include "rules/lexer.h"
#include "rules/parser.h"
#include "rules/program_text.h"
#include "rules/seen_metrics.h"
#include "schemas/labels.h"

namespace rootnote {
namespace {

// What the lexer complained about inside an entity name or a series was none of its business.
void TakeOver(const Diagnostics& lexed, const std::vector<Span>& raw_spans,
              Diagnostics& diagnostics) {
  for (const Diagnostic& diagnostic : lexed.list()) {
    const bool raw = std::any_of(raw_spans.begin(), raw_spans.end(), [&](Span span) {
      return span.begin <= diagnostic.span.begin && diagnostic.span.end <= span.end;
    });
    if (raw) continue;
    diagnostics.Error(diagnostic.code, diagnostic.source, diagnostic.span, diagnostic.message,
                      diagnostic.hint);
  }
}

// Positions are 32 bits, and tokens of a file are held in memory.
constexpr size_t kSourceBytesMax = 64 << 20;

std::vector<ast::File> Parse(const std::vector<RuleSource>& sources, Diagnostics& diagnostics) {
  std::vector<std::vector<Token>> tokens;
  std::vector<Diagnostics> lexed;
  StringSet signals;
  for (uint32_t i = 0; i < sources.size(); ++i) {
    lexed.emplace_back();
    if (sources[i].text().size() > kSourceBytesMax) {
      diagnostics.Error(DiagnosticCode::kBadAmount, i, {0, 0},
                        fmt::format("the file is larger than {} MiB", kSourceBytesMax >> 20),
                        "split it");
      tokens.emplace_back(1);
      continue;
    }
    tokens.push_back(Lex(sources[i], i, lexed.back()));
  }
  const std::vector<ExpandedFile> expanded = Expand(sources, std::move(tokens), diagnostics);
  for (const ExpandedFile& file : expanded) CollectSignalNames(file.tokens, signals);
  std::vector<std::vector<Span>> raw_spans(sources.size());
  std::vector<ast::File> files;
  for (const ExpandedFile& file : expanded) {
    const uint32_t at = file.source;
    ParsedFile parsed = ParseFile(sources[at], at, file.tokens, signals, diagnostics);
    raw_spans[at].insert(raw_spans[at].end(), parsed.raw_spans.begin(), parsed.raw_spans.end());
    files.push_back(std::move(parsed.file));
  }
  for (uint32_t i = 0; i < sources.size(); ++i) TakeOver(lexed[i], raw_spans[i], diagnostics);
  return files;
}

void SetHashes(Program& program) {
  for (Signal& signal : program.signals) signal.hash = HashBytes(MeaningOf(program, signal));
  for (Fault& fault : program.faults) fault.hash = HashBytes(MeaningOf(program, fault));
  program.version = fmt::format("{:016x}", HashBytes(DeclarationsText(program)));
}

}  // namespace

CompileResult Compile(std::vector<RuleSource> sources, const CompileOptions& options) {
  CompileResult result;
  ReadPacks(sources, options, result.diagnostics);
  std::vector<ast::File> files = Parse(sources, result.diagnostics);
  auto program = std::make_shared<Program>();
  const Imports imports = ReadImports(files, options, sources, result.diagnostics);
  program->groups = imports.groups;
  program->sources = sources;
  Check(files, options, result.diagnostics, *program);
  LinkImports(imports, *program);
  if (!options.metrics_seen.empty()) {
    CheckMetricsSeen(*program, options.metrics_seen, result.diagnostics);
  }
  result.sources = std::move(sources);
  result.diagnostics.Sort();
  if (!result.diagnostics.has_errors()) {
    SetHashes(*program);
    result.program = std::move(program);
  }
  return result;
}

}  // namespace rootnote
