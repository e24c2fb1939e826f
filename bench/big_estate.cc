#include "bench/big_estate.h"

#include <algorithm>
#include <iterator>

#include "fmt/format.h"

namespace rootnote::bench {

BigEstate::BigEstate(uint32_t entities, uint32_t hub)
    : machines_(std::max(entities / 10 * 3, 4U)),
      hosts_(std::max(entities / 100 * 9, 2U)),
      arrays_(std::max(entities / 100, 2U)) {
  const uint32_t others = machines_ + hosts_ + arrays_ + 1;
  apps_ = entities > others + 8 ? entities - others : 8;
  hub_ = std::min(hub, apps_);
  relations_ = uint64_t{apps_} + uint64_t{machines_} * 2 + hub_;
  for (uint32_t i = 0; i < apps_; ++i) relations_ += CallsOf(i);
}

std::string BigEstate::App(uint32_t i) { return fmt::format("app:shop-service-{:07}", i); }
std::string BigEstate::Machine(uint32_t i) { return fmt::format("vm:vm-{:07}", i); }
std::string BigEstate::Host(uint32_t i) { return fmt::format("host:esx-{:06}", i); }
std::string BigEstate::Array(uint32_t i) { return fmt::format("array:array-{:05}", i); }

// Within a neighbourhood of sixteen, so that a failure does not reach everything; no repeats.
uint32_t BigEstate::Callee(uint32_t i, uint32_t call) const {
  const uint32_t block = i / 16 * 16;
  return std::min(block + (i + 1 + call * 2) % 16, apps_ - 1);
}

void BigEstate::EntityLine(uint32_t i, std::string& lines) const {
  auto out = std::back_inserter(lines);
  if (i < apps_) {
    fmt::format_to(out,
                   R"({{"entity":"{}","labels":{{"region":"r{}","team":"t{}"}}}})"
                   "\n",
                   App(i), i % 8, i % 500);
    return;
  }
  i -= apps_;
  if (i < machines_) {
    fmt::format_to(
        out,
        R"({{"entity":"{}","labels":{{"fqdn":"vm-{:07}.example.net","ip":"10.{}.{}.{}"}}}})"
        "\n",
        Machine(i), i, i >> 16, i >> 8 & 255, i & 255);
    return;
  }
  i -= machines_;
  if (i < hosts_) {
    fmt::format_to(out,
                   R"({{"entity":"{}","labels":{{"ip":"172.{}.{}.{}"}}}})"
                   "\n",
                   Host(i), i >> 16, i >> 8 & 255, i & 255);
    return;
  }
  i -= hosts_;
  fmt::format_to(out,
                 R"({{"entity":"{}","labels":{{}}}})"
                 "\n",
                 i < arrays_ ? Array(i) : Dns());
}

void BigEstate::RelationLines(uint32_t i, std::string& lines) const {
  const auto line = [&](std::string_view relation, const std::string& from, const std::string& to) {
    fmt::format_to(std::back_inserter(lines),
                   R"({{"relation":"{}","from":"{}","to":"{}"}})"
                   "\n",
                   relation, from, to);
  };
  if (i < apps_) {
    const std::string app = App(i);
    line("runs_on", app, Machine(MachineOf(i)));
    for (uint32_t call = 0; call < CallsOf(i); ++call) line("calls", app, App(Callee(i, call)));
    if (i < hub_) line("resolves_with", app, Dns());
    return;
  }
  i -= apps_;
  line("hosted_by", Machine(i), Host(HostOf(i)));
  line("stored_on", Machine(i), Array(ArrayOf(i)));
}

bool BigEstate::Next(size_t max, std::string& lines) {
  const uint64_t end = entities() + apps_ + machines_;
  for (size_t i = 0; i < max && next_ < end; ++i, ++next_) {
    if (next_ < entities()) {
      EntityLine(static_cast<uint32_t>(next_), lines);
    } else {
      RelationLines(static_cast<uint32_t>(next_ - entities()), lines);
    }
  }
  return next_ < end;
}

}  // namespace rootnote::bench
