#include <algorithm>

#include "CLI/CLI.hpp"
#include "fmt/format.h"

#include "engine/cli/commands.h"
#include "engine/cli/completion_script.h"
#include "engine/cli/exit_code.h"
#include "engine/cli/terminal.h"
#include "engine/cli/version.h"
#include "rules/diagnostic.h"
#include "schemas/projection.h"

namespace rootnote {
namespace {

void AddReplayFlags(CLI::App& command, ReplayArguments& arguments, bool required) {
  command.add_option("--rules", arguments.rules, "Rule files or folders")->required(required);
  command.add_option("--topology", arguments.topology, "Topology files (own JSON, a line each)");
  command.add_option("--input", arguments.input, "Input files; - is stdin, .zst is read")
      ->required(required);
  command.add_option("--control", arguments.control, "Files with acknowledgements and silences");
  command.add_option(required ? "--format" : "--input-format", arguments.format,
                     "Format of the input, or auto");
  command.add_option("--envelope", arguments.envelope, "kcat: the output of kcat -J");
  command.add_option("--config", arguments.config, "A rootnote.yaml whose engine settings hold");
  command.add_option("--allowed-lateness", arguments.allowed_lateness,
                     "How far behind the newest a record may be");
  command.add_option("--until", arguments.until,
                     "Event time goes on to here after the last record");
  command.add_option("--topology-from", arguments.topology_from,
                     "Undated topology records hold from here");
  command.add_option("--threads", arguments.threads, "Threads of the shard pool; 0: one per core")
      ->check(CLI::Range(0, 1024));
  command.add_option("--batch", arguments.batch_records, "Records per batch")
      ->check(CLI::Range(1, 100'000));
}

void AddRun(CLI::App& app, RunArguments& arguments) {
  CLI::App* command = app.add_subcommand("run", "The daemon");
  command->add_option("-c,--config", arguments.config, "rootnote.yaml")->required();
  command->add_flag(
      "--shadow", arguments.shadow,
      "Beside a run in earnest: own group, outputs end in .shadow, nothing is routed");
  command->add_option("--log-level", arguments.log_level, "debug, info, warn or error")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}));
  command
      ->add_option("--log-format", arguments.log_format, "text, json, or auto: text on a terminal")
      ->check(CLI::IsMember({"auto", "text", "json"}));
}

void AddCheck(CLI::App& app, CheckArguments& arguments) {
  CLI::App* command = app.add_subcommand("check", "Parse and check rules and configuration");
  command->add_option("paths", arguments.paths,
                      "Files or folders: *.rn rules, *.yaml configuration or Prometheus' rules");
  command->add_flag("--list-codes", arguments.list_codes, "Print every diagnostic code");
  command->add_option("--format", arguments.format, "text, json or sarif (SARIF 2.1.0)")
      ->check(CLI::IsMember({"text", "json", "sarif"}));
  command->add_flag("--explain", arguments.explain,
                    "What each signal costs: plan, state, history, grid");
  command->add_option("--seen", arguments.seen,
                      "Names of metrics, a text exposition, or records as replay reads them (.zst "
                      "too): warn about others");
}

void AddFormat(CLI::App& app, FormatArguments& arguments) {
  CLI::App* command = app.add_subcommand("fmt", "Rule files in their canonical layout");
  command->add_option("paths", arguments.paths, "Files or folders; - is standard input")
      ->required();
  command->add_flag("--check", arguments.check, "Only name the files that would change; then 1");
  command->add_flag("--diff", arguments.diff, "Only show what would change");
}

void AddTest(CLI::App& app, TestArguments& arguments) {
  CLI::App* command = app.add_subcommand("test",
                                         "Run tests: blocks of rule files (*.rn), promqltest "
                                         "(*.test), promtool's unit tests (*.yaml)");
  command->add_option("paths", arguments.paths, "Files or folders")->required();
  command->add_option("--junit", arguments.junit, "Write a JUnit report to this file");
  command->add_flag("-v,--verbose", arguments.verbose, "Show expectations that hold, too");
  command->add_flag("--summary", arguments.summary, "Close with a table: passed, failed, skipped");
  command->add_flag("--immediate-name-removal", arguments.immediate_name_removal,
                    "*.test: drop metric names as Prometheus' servers do, not as its own tests");
}

void AddReplay(CLI::App& app, ReplayArguments& arguments) {
  CLI::App* command =
      app.add_subcommand("replay", "Recorded input through the engine, as fast as it goes");
  AddReplayFlags(*command, arguments, true);
  command->add_option("--output", arguments.output, "Where incidents go; - is stdout")->required();
  command->add_option("--dead-letter", arguments.dead_letter, "Where undecodable records go");
  command->add_option("--late", arguments.late, "Where late samples and events go");
  command->add_option("--journal", arguments.journal, "Where the journal of arrivals goes");
  command->add_option("--retell", arguments.journal_from,
                      "The journal of a live run over the same input: its ticks, exactly");
  command->add_option("--signals", arguments.signals, "Where the transitions of signals go");
  command->add_option("--learned", arguments.learned,
                      "Base rates of signals, a file that --learn wrote; or none");
  command->add_option("--learn", arguments.learn,
                      "Where the base rates of this input's signals go");
  command->add_flag("--no-positions", arguments.no_positions,
                    "Leave topic, partition and offset out of the evidence");
}

void AddExplain(CLI::App& app, ExplainArguments& arguments) {
  CLI::App* command =
      app.add_subcommand("explain", "An incident's decision in words, or why a signal opened none");
  command->add_option("incident", arguments.incident,
                      "A file with incident records, the last one counts; - is stdin");
  command->add_option("--why-not", arguments.why_not, "What spoke against this entity as the root");
  command->add_option(
      "--format", arguments.format,
      "text, json, dot (Graphviz) or mermaid; with --input its format may stand here");
  command->add_option("--as", arguments.projection, "What a route sends that says `as` this")
      ->check(CLI::IsMember(ProjectionNames()));
  command->add_option("--signal", arguments.signal, "Why did this signal open nothing …");
  command->add_option("--entity", arguments.entity,
                      "… on this entity (of the record, or with --rules and --input)");
  command->add_option("--at", arguments.at, "At this event time; default: the end of the input");
  AddReplayFlags(*command, arguments.replay, false);
}

void AddDemo(CLI::App& app, DemoArguments& arguments) {
  CLI::App* command =
      app.add_subcommand("demo", "An outage of a music store, through an embedded Kafka");
  command->add_option("scenario", arguments.story, "dns (default), disk or quiet");
  command->add_option("--format", arguments.format, "text, or json: the incident records only")
      ->check(CLI::IsMember({"text", "json"}));
  command->add_option("--record", arguments.record, "Also write the input into this folder");
  command->add_option("--seed", arguments.seed, "Seed of the estate's noise");
}

void AddGraph(CLI::App& app, GraphArguments& arguments) {
  CLI::App* command = app.add_subcommand("graph", "Kinds, relations and faults as a drawing");
  command->add_option("paths", arguments.paths, "Rule files or folders")->required();
  command->add_option("--format", arguments.format, "dot (Graphviz) or mermaid")
      ->check(CLI::IsMember({"dot", "mermaid"}));
}

void AddCompletion(CLI::App& app, std::string& shell) {
  CLI::App* command = app.add_subcommand("completion", "A script that completes these commands");
  command->add_option("shell", shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
}

// `{a,b}` in the name of an option's type lists what it may be.
std::vector<std::string> AllowedValues(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const size_t open = type.find('{'), close = type.rfind('}');
  if (open == std::string::npos || close == std::string::npos) return {};
  return CLI::detail::split(type.substr(open + 1, close - open - 1), ',');
}

// The commands and their options as CLI11 has them.
std::vector<CommandWords> WordsOf(const CLI::App& app) {
  std::vector<CommandWords> commands;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    CommandWords words{command->get_name(), command->get_description(), {}};
    for (const CLI::Option* option : command->get_options()) {
      OptionWords one;
      for (const std::string& name : option->get_lnames()) one.names.push_back("--" + name);
      for (const std::string& name : option->get_snames()) one.names.push_back("-" + name);
      one.help = option->get_description();
      one.takes_value = option->get_items_expected_max() > 0;
      one.values = AllowedValues(*option);
      words.options.push_back(std::move(one));
    }
    commands.push_back(std::move(words));
  }
  return commands;
}

// True after a complaint about a first word that is no command.
bool IsUnknownCommand(const CLI::App& app, int argc, char** argv) {
  const std::string word = argc > 1 ? argv[1] : "";
  if (word.empty() || word.front() == '-') return false;
  std::vector<std::string> known;
  for (const CommandWords& command : WordsOf(app)) known.push_back(command.name);
  if (std::find(known.begin(), known.end(), word) != known.end()) return false;
  const std::string near = DidYouMean(word, known);
  PrintFailure(absl::InvalidArgumentError(fmt::format(
      "there is no command \"{}\"; {}", word,
      near.empty() ? "rootnote --help lists them" : fmt::format("did you mean {}?", near))));
  return true;
}

}  // namespace

int RunCommandLine(int argc, char** argv) {
  CLI::App app("Rootnote: metrics, events and a map of the estate in; the one incident out.",
               "rootnote");
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string(kVersion));
  CheckArguments check;
  FormatArguments format;
  TestArguments test;
  ReplayArguments replay;
  ExplainArguments explain;
  DemoArguments demo;
  RunArguments run;
  VersionArguments version;
  GraphArguments graph;
  std::string shell;
  bool lsp_stdio = true;
  AddRun(app, run);
  AddDemo(app, demo);
  AddCheck(app, check);
  AddFormat(app, format);
  AddTest(app, test);
  AddReplay(app, replay);
  AddExplain(app, explain);
  AddGraph(app, graph);
  AddCompletion(app, shell);
  app.add_subcommand("lsp", "The language server for editors, on standard input and output")
      ->add_flag("--stdio", lsp_stdio, "As editors say it; there is no other way");
  app.add_subcommand("version", "Version, and what was built in")
      ->add_flag("--features", version.features, "Formats, libraries and their features");
  if (IsUnknownCommand(app, argc, argv)) return kExitUsage;
  // CLI11 reports what it parsed by exceptions; this is the adapter that ends them.
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  if (app.got_subcommand("run")) return RunDaemon(run);
  if (app.got_subcommand("demo")) return RunDemo(demo);
  if (app.got_subcommand("check")) return RunCheck(check);
  if (app.got_subcommand("fmt")) return RunFormat(format);
  if (app.got_subcommand("graph")) return RunGraph(graph);
  if (app.got_subcommand("completion")) {
    Terminal(stdout).Print(CompletionScript(shell, WordsOf(app)));
    return kExitOk;
  }
  if (app.got_subcommand("lsp")) return RunLanguageServer();
  if (app.got_subcommand("test")) return RunTest(test);
  if (app.got_subcommand("replay")) return RunReplay(replay);
  if (app.got_subcommand("explain")) return RunExplain(explain);
  return RunVersion(version);
}

}  // namespace rootnote
