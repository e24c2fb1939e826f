// What validate_test.py asks the real code:
//   schemas_probe incidents        incident records, one a line, as the engine writes them
//   schemas_probe decode FORMAT    per line of stdin: "ok", or the name of the error
//   schemas_probe reencode         per line of stdin: the incident record, read and written again
#include <cstddef>
#include <cstdio>
#include <iterator>
#include <optional>
#include <random>
#include <string>

#include "schemas/decoder.h"
#include "schemas/incident_encoder.h"
#include "tests/schemas/random_incident.h"

namespace rootnote {
namespace {

bool ReadLine(std::string& line) {
  line.clear();
  int c = 0;
  while ((c = std::getchar()) != EOF && c != '\n') {
    line += static_cast<char>(c);
  }
  return c != EOF || !line.empty();
}

int EmitIncidents() {
  constexpr int kIncidents = 150;
  constexpr size_t kSizes[] = {0, 1, 1, 2, 1, 2, 60};
  std::mt19937_64 random(20261122);
  for (int i = 0; i < kIncidents; ++i) {
    const Incident incident =
        RandomIncident(random, kSizes[static_cast<size_t>(i) % std::size(kSizes)]);
    std::puts(EncodeIncident(incident, {.evidence_positions = i % 2 == 0}).c_str());
  }
  return 0;
}

int DecodeLines(const std::string& format) {
  absl::StatusOr<std::unique_ptr<Decoder>> decoder = MakeDecoder(format);
  if (!decoder.ok()) {
    std::fprintf(stderr, "%s\n", std::string(decoder.status().message()).c_str());
    return 1;
  }
  DecodeContext context;
  context.record_time = FromMillis(0);
  std::string line;
  while (ReadLine(line)) {
    Decoded out;
    const std::optional<DecodeFailure> failure = (*decoder)->Decode(line, context, out);
    std::puts(failure ? std::string(ErrorName(failure->error)).c_str() : "ok");
  }
  return 0;
}

int ReencodeLines() {
  std::string line;
  while (ReadLine(line)) {
    const absl::StatusOr<Incident> incident = DecodeIncident(line);
    std::puts(incident.ok() ? EncodeIncident(*incident).c_str()
                            : std::string(incident.status().message()).c_str());
  }
  return 0;
}

int Main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  if (mode == "incidents") {
    return EmitIncidents();
  }
  if (mode == "decode" && argc == 3) {
    return DecodeLines(argv[2]);
  }
  if (mode == "reencode") {
    return ReencodeLines();
  }
  std::fputs("schemas_probe incidents | decode FORMAT | reencode\n", stderr);
  return 64;
}

}  // namespace
}  // namespace rootnote

int main(int argc, char** argv) { return rootnote::Main(argc, argv); }
