// Bytes → samples, on one core. Beside each decoder stand what it cannot beat: the copy of the same
// bytes, and the reading of them without mapping. Results are checked.
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "benchmark/benchmark.h"
#include "fmt/format.h"

#include "schemas/base/check.h"
#include "schemas/decoder.h"
#include "schemas/json_reader.h"

namespace rootnote {
namespace {

constexpr int kPayloads = 1000;

// As a collector sends them: the same names and tags, other numbers and times.
std::vector<std::string> TelegrafPayloads() {
  std::vector<std::string> payloads;
  for (int i = 0; i < kPayloads; ++i) {
    payloads.push_back(fmt::format(
        R"({{"fields":{{"io_await":{}.5,"reads":{},"write_errors":{}}},"name":"diskio",)"
        R"("tags":{{"array":"a{}","disk":"d{}","host":"db01","name":"sdb","region":"uk"}},"timestamp":{}}})"
        "\n",
        i, 1'200'000 + i, i % 3, i % 10, i % 8, 1'795'331'836 + i));
  }
  return payloads;
}

std::vector<std::string> OwnPayloads() {
  std::vector<std::string> payloads;
  for (int i = 0; i < kPayloads; ++i) {
    payloads.push_back(fmt::format(
        R"({{"metric":"diskio_write_errors_total","labels":{{"array":"a{}","disk":"d{}","region":"uk"}},)"
        R"("value":{}.25,"time":{}}})",
        i % 10, i % 8, i, 1'795'331'836'117 + i));
  }
  return payloads;
}

std::vector<std::string> Payloads(std::string_view format) {
  return format == "rootnote-json" ? OwnPayloads() : TelegrafPayloads();
}

size_t BytesOf(const std::vector<std::string>& payloads) {
  size_t bytes = 0;
  for (const std::string& payload : payloads) {
    bytes += payload.size();
  }
  return bytes;
}

void Count(benchmark::State& state, const std::vector<std::string>& payloads) {
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(BytesOf(payloads)));
  state.SetItemsProcessed(state.iterations() * kPayloads);
}

void Copy(benchmark::State& state, const char* format) {
  const std::vector<std::string> payloads = Payloads(format);
  std::vector<char> arena(4096);
  for (auto _ : state) {
    for (const std::string& payload : payloads) {
      std::memcpy(arena.data(), payload.data(), payload.size());
      benchmark::DoNotOptimize(arena.data());
      benchmark::ClobberMemory();
    }
  }
  Count(state, payloads);
}

void Read(benchmark::State& state, const char* format) {
  const std::vector<std::string> payloads = Payloads(format);
  JsonReader reader({});
  for (auto _ : state) {
    for (const std::string& payload : payloads) {
      CHECK(!reader.Open(payload).has_value());
      const JsonTree* tree = reader.Next();
      CHECK(tree != nullptr);
      benchmark::DoNotOptimize(tree);
      CHECK(reader.Next() == nullptr);
    }
  }
  Count(state, payloads);
}

void Decode(benchmark::State& state, const char* format) {
  const std::vector<std::string> payloads = Payloads(format);
  const size_t samples = std::string_view(format) == "rootnote-json" ? 1 : 3;
  std::unique_ptr<Decoder> decoder = *MakeDecoder(format);
  Decoded out;
  for (auto _ : state) {
    out.Clear();
    for (const std::string& payload : payloads) {
      CHECK(!decoder->Decode(payload, {}, out).has_value());
    }
    CHECK(out.samples.size() == samples * kPayloads);
  }
  Count(state, payloads);
}

BENCHMARK_CAPTURE(Copy, telegraf, "telegraf-json");
BENCHMARK_CAPTURE(Read, telegraf, "telegraf-json");
BENCHMARK_CAPTURE(Decode, telegraf, "telegraf-json");
BENCHMARK_CAPTURE(Copy, own, "rootnote-json");
BENCHMARK_CAPTURE(Read, own, "rootnote-json");
BENCHMARK_CAPTURE(Decode, own, "rootnote-json");

}  // namespace
}  // namespace rootnote
