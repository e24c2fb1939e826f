// rootnote-estate: writes a story of the generated estate as files for `rootnote replay`:
// topology.jsonl, telegraf.jsonl, synthetic.jsonl, events.jsonl. Same arguments, same bytes.
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "fmt/format.h"

#include "engine/cli/estate/feed.h"

namespace {

using rootnote::estate::Feed;
using rootnote::estate::FeedRecord;

constexpr int kUsage = 64;
constexpr int kIoError = 74;

constexpr std::string_view kHelp =
    "usage: rootnote-estate [--story dns|disk|quiet] [--seed N] [--apps N] --out DIR\n"
    "  --apps N   apps per region; 18 gives about 430 entities, 17000 a million series\n"
    "  --out DIR  where topology.jsonl, telegraf.jsonl, synthetic.jsonl, events.jsonl go\n";

struct Arguments {
  rootnote::estate::Story story = rootnote::estate::Story::kDns;
  rootnote::estate::EstateOptions estate;
  std::string out;
};

template <typename Number>
bool ParseNumber(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

bool ParseArguments(const std::vector<std::string_view>& words, Arguments& arguments) {
  for (size_t i = 0; i + 1 < words.size(); i += 2) {
    const std::string_view flag = words[i], value = words[i + 1];
    if (flag == "--story") {
      const auto story = rootnote::estate::ParseStory(value);
      if (!story) return false;
      arguments.story = *story;
    } else if (flag == "--seed") {
      if (!ParseNumber(value, arguments.estate.seed)) return false;
    } else if (flag == "--apps") {
      if (!ParseNumber(value, arguments.estate.apps) || arguments.estate.apps < 4) return false;
    } else if (flag == "--out") {
      arguments.out = value;
    } else {
      return false;
    }
  }
  return words.size() % 2 == 0 && !arguments.out.empty();
}

// False when a file could not be written whole.
bool WriteStory(const Arguments& arguments, size_t& written, size_t& series) {
  std::vector<std::ofstream> files;
  for (const std::string_view topic : rootnote::estate::kFeedTopics) {
    files.emplace_back(arguments.out + "/" + std::string(topic) + ".jsonl", std::ios::binary);
  }
  Feed feed(rootnote::estate::BuildEstate(arguments.estate), arguments.story);
  series = feed.series();
  std::vector<FeedRecord> records = feed.Topology();
  do {
    for (const FeedRecord& record : records) {
      files[static_cast<size_t>(record.topic)] << record.value << '\n';
    }
    written += records.size();
    records.clear();
  } while (feed.Step(records));
  bool ok = true;
  for (std::ofstream& file : files) {
    file.close();
    ok = ok && !file.fail();
  }
  return ok;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (!ParseArguments({argv + 1, argv + argc}, arguments)) {
    fmt::print(stderr, "{}", kHelp);
    return kUsage;
  }
  std::error_code error;
  std::filesystem::create_directories(arguments.out, error);
  size_t written = 0, series = 0;
  if (!WriteStory(arguments, written, series)) {
    fmt::print(stderr, "rootnote-estate: cannot write to {}: is there space, and permission?\n",
               arguments.out);
    return kIoError;
  }
  fmt::print("{}: {} records, {} series, story {}\n", arguments.out, written, series,
             rootnote::estate::Name(arguments.story));
  return 0;
}
