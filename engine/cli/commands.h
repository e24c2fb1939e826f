// The commands of the binary, one function each; command_line.cc reads the flags. Each returns the
// exit code and prints what a person needs.
#pragma once

#include <string>
#include <vector>

#include "schemas/base/time.h"

namespace rootnote {

struct CheckArguments {
  std::vector<std::string> paths;
  bool list_codes = false;        // every diagnostic code with its title
  std::string format = "text";    // or json, sarif: on standard output
  std::vector<std::string> seen;  // files with names of metrics
  bool explain = false;           // also print the plan of every signal
};
int RunCheck(const CheckArguments& arguments);

struct FormatArguments {
  std::vector<std::string> paths;  // "-": standard input to standard output
  bool check = false;              // name the files that would change, write nothing
  bool diff = false;               // show what would change, write nothing
};
int RunFormat(const FormatArguments& arguments);

struct GraphArguments {
  std::vector<std::string> paths;
  std::string format = "dot";  // or mermaid
};
int RunGraph(const GraphArguments& arguments);

// The language server on standard input and output, until `exit`.
int RunLanguageServer();

struct TestArguments {
  std::vector<std::string> paths;
  std::string junit;     // write a JUnit report here
  bool verbose = false;  // every expectation, also those that hold
  bool summary = false;  // a table of the files in the end
  // *.test: names of metrics go at once, as on a server of Prometheus, not in the end.
  bool immediate_name_removal = false;
};
int RunTest(const TestArguments& arguments);

struct ReplayArguments {
  std::vector<std::string> rules;
  std::vector<std::string> topology;
  std::vector<std::string> input;
  std::vector<std::string> control;  // acknowledgements and silences
  std::string format = "auto";
  std::string envelope;  // "", "kcat"
  std::string config;
  std::string allowed_lateness = "5s";
  std::string until, topology_from;  // RFC 3339
  std::string output = "-";
  std::string dead_letter, late;  // paths; "" drops and counts
  std::string journal;
  std::string journal_from;      // of a live run, to be told again
  int threads = 0;               // 0: one per core
  std::string learned = "none";  // base rates of signals: a file, or none
  std::string learn;             // where base rates of this input go; "" nowhere
  std::string signals;           // where the transitions of signals go; "" nowhere
  size_t batch_records = 256;
  bool no_positions = false;  // leave topic, partition, offset out of evidence
};
int RunReplay(const ReplayArguments& arguments);

struct RunArguments {
  std::string config;
  bool shadow = false;              // beside a run in earnest: see Shadowed
  std::string log_level = "info";   // debug, info, warn, error
  std::string log_format = "auto";  // text, json; auto is text on a terminal
};
int RunDaemon(const RunArguments& arguments);

struct DemoArguments {
  std::string story = "dns";
  std::string format = "text";  // or json: the incident records only
  std::string record;           // also write the input here, for replay
  uint64_t seed = 1;
};
int RunDemo(const DemoArguments& arguments);

struct ExplainArguments {
  std::string incident;         // a file with a record, "-" for stdin
  std::string why_not;          // an entity
  std::string format = "text";  // or json, dot, mermaid
  std::string projection;       // a form of the record, as `route … as` names it
  // Why there was no incident: a replay of rules and input, asked about a signal on an entity.
  std::string signal, entity;
  ReplayArguments replay;
  std::string at;  // RFC 3339; default: the end
};
int RunExplain(const ExplainArguments& arguments);

struct VersionArguments {
  bool features = false;
};
int RunVersion(const VersionArguments& arguments);

// Parses argv and runs one of them.
int RunCommandLine(int argc, char** argv);

}  // namespace rootnote
