// rootnote-simulator: writes a run of a generated estate for `rootnote replay`, and the truth.
// Same arguments, same bytes.
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fmt/format.h"

#include "bench/quality/simulator/run.h"

namespace {

using rootnote::simulator::RunOptions;
using rootnote::simulator::Simulation;

constexpr int kUsage = 64;
constexpr int kIoError = 74;

constexpr std::string_view kHelp =
    "usage: rootnote-simulator --out DIR [--family NAME]... [OPTION VALUE]... [FLAG]...\n"
    "Writes DIR/topology.jsonl, DIR/input.jsonl and DIR/truth.jsonl. Without a family: a quiet\n"
    "run. Two families are two faults.\n"
    "  --stdout         what would be DIR/input.jsonl goes to standard output, once the others "
    "are\n"
    "                   there\n"
    "  --seed N         everything follows from it\n"
    "  --entities N     about so many, 30 to 1000000 (5000)\n"
    "  --minutes N      how long a quiet run is (60)\n"
    "  --loss P         of the metrics: half of them look well, half show nothing\n"
    "  --spurious P     false symptoms, as a part of the number of affected entities\n"
    "  --silent P       of the entities: nobody monitors them\n"
    "  --duplicates P   of the records: they come twice\n"
    "  --stale P        of the relations: the map is wrong about them\n"
    "  --churn P        of the containers: they move within a day (0.03)\n"
    "  --delays         monitors show what was up to 90 s ago\n"
    "  --gap            the monitoring of the root's zone fails for five minutes\n"
    "  --early-recovery the root is well again long before its dependants\n"
    "  --migration      a third of what is affected is moved away during the fault\n"
    "  --families       lists the families\n";

template <typename Number>
bool ParseNumber(std::string_view text, Number least, Number most, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number >= least &&
         number <= most;
}

bool ParseFlag(std::string_view word, RunOptions& options, bool& to_stdout) {
  if (word == "--delays")
    options.noise.delays = true;
  else if (word == "--gap")
    options.noise.gap = true;
  else if (word == "--early-recovery")
    options.early_recovery = true;
  else if (word == "--migration")
    options.migration = true;
  else if (word == "--stdout")
    to_stdout = true;
  else
    return false;
  return true;
}

bool ParseOption(std::string_view word, std::string_view value, RunOptions& options,
                 std::string& out) {
  const auto share = [&](double& number) { return ParseNumber(value, 0.0, 1.0, number); };
  if (word == "--out") return out = value, !out.empty();
  if (word == "--seed") return ParseNumber<uint64_t>(value, 0, UINT64_MAX, options.estate.seed);
  if (word == "--entities") return ParseNumber(value, 30U, 1'000'000U, options.estate.entities);
  if (word == "--minutes") return ParseNumber(value, 1, 60 * 24 * 7, options.quiet_minutes);
  if (word == "--loss") return share(options.noise.loss);
  if (word == "--spurious") return share(options.noise.spurious);
  if (word == "--silent") return share(options.noise.silent);
  if (word == "--duplicates") return share(options.noise.duplicates);
  if (word == "--stale") return share(options.noise.stale);
  if (word == "--churn") return share(options.churn_per_day);
  if (word != "--family") return false;
  const auto family = rootnote::simulator::ParseFamily(value);
  if (family) options.families.push_back(*family);
  return family.has_value();
}

// What was wrong with the arguments, or nothing.
std::string ParseArguments(const std::vector<std::string_view>& words, RunOptions& options,
                           std::string& out, bool& to_stdout) {
  for (size_t i = 0; i < words.size(); ++i) {
    if (ParseFlag(words[i], options, to_stdout)) continue;
    if (i + 1 == words.size() || !ParseOption(words[i], words[i + 1], options, out)) {
      return fmt::format("cannot make sense of {}", words[i]);
    }
    ++i;
  }
  return out.empty() ? "--out DIR is missing" : "";
}

// A file that is written in pieces; `Close` says whether all of it is there.
class OutputFile {
 public:
  explicit OutputFile(const std::string& path) : file_(std::fopen(path.c_str(), "wb")) {}
  explicit OutputFile(std::FILE* file) : file_(file) {}
  OutputFile(const OutputFile&) = delete;

  void Write(const std::string& text) {
    ok_ = file_ != nullptr && ok_ && std::fwrite(text.data(), 1, text.size(), file_) == text.size();
  }
  bool Close() { return file_ != nullptr && std::fclose(file_) == 0 && ok_; }

 private:
  std::FILE* file_;
  bool ok_ = true;
};

bool WriteRun(Simulation& run, const std::string& directory, bool to_stdout) {
  OutputFile topology(directory + "/topology.jsonl"), truth(directory + "/truth.jsonl");
  run.WriteTopology([&](const std::string& text) { topology.Write(text); });
  truth.Write(run.Truth());
  if (!topology.Close() || !truth.Close()) return false;
  OutputFile input = to_stdout ? OutputFile(stdout) : OutputFile(directory + "/input.jsonl");
  run.Feed([&](const std::string& text) { input.Write(text); });
  return input.Close();
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string_view> words(argv + 1, argv + argc);
  if (words.size() == 1 && words[0] == "--families") {
    for (size_t i = 0; i < rootnote::simulator::kFamilies; ++i) {
      fmt::print("{}\n", Name(static_cast<rootnote::simulator::Family>(i)));
    }
    return 0;
  }
  RunOptions options;
  std::string out;
  bool to_stdout = false;
  if (const std::string wrong = ParseArguments(words, options, out, to_stdout); !wrong.empty()) {
    fmt::print(stderr, "rootnote-simulator: {}\n{}", wrong, kHelp);
    return kUsage;
  }
  std::error_code error;
  std::filesystem::create_directories(out, error);
  const auto run = std::make_unique<Simulation>(options);
  if (!WriteRun(*run, out, to_stdout)) {
    fmt::print(stderr, "rootnote-simulator: cannot write to {}: is there space, and permission?\n",
               out);
    return kIoError;
  }
  fmt::print(stderr, "{}: {} entities, {} relations, {} faults, {} minutes\n", out,
             run->estate().entities.size(), run->estate().relations.size(), run->faults().size(),
             run->length() / 60);
  return 0;
}
