// A generated map of any size as JSON lines, made piece by piece so that it is never in memory as a
// whole. Same arguments, same lines.
//
// Of N entities 60 % are apps, 30 % machines, 9 % hosts and 1 % arrays; five relations per entity:
// apps run on machines and call six or seven other apps, machines run on hosts and are stored on
// arrays. The first `hub` apps resolve with one name server.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace rootnote::bench {

// Each kind but the array has a signal that fires; latency travels up from the arrays.
inline constexpr std::string_view kEstateRules = R"(
kind dns   { id dns }
kind array { id array }
kind host  { id host alias fqdn, ip }
kind vm    { id vm alias fqdn, ip }
kind app   { id app }
relation calls         : app -> app   carries errors, latency
relation runs_on       : app -> vm    carries errors, latency
relation hosted_by     : vm -> host   carries errors, latency
relation stored_on     : vm -> array  carries latency within 2m
relation resolves_with : app -> dns   carries errors within 3m
signal app_errors on app  { when x > 1 for 30s family errors severity major }
signal app_slow on app    { when x > 1 for 30s family latency severity warning }
signal vm_slow on vm      { when x > 1 for 30s family latency severity warning }
signal host_errors on host { when x > 1 for 30s family errors severity major }
signal servfail on dns    { when x > 1 for 20s family errors severity major }
)";

class BigEstate {
 public:
  BigEstate(uint32_t entities, uint32_t hub);

  // Appends up to `max` further lines; false when there was none left.
  bool Next(size_t max, std::string& lines);

  uint64_t entities() const { return uint64_t{apps_} + machines_ + hosts_ + arrays_ + 1; }
  uint64_t relations() const { return relations_; }
  uint32_t apps() const { return apps_; }
  uint32_t machines() const { return machines_; }
  uint32_t hosts() const { return hosts_; }
  uint32_t arrays() const { return arrays_; }
  uint32_t hub() const { return hub_; }

  static std::string App(uint32_t i);
  static std::string Machine(uint32_t i);
  static std::string Host(uint32_t i);
  static std::string Array(uint32_t i);
  static std::string Dns() { return "dns:resolver-1"; }
  // What app `i` calls: `call` below CallsOf(i).
  uint32_t Callee(uint32_t i, uint32_t call) const;
  static uint32_t CallsOf(uint32_t i) { return i % 3 == 0 ? 7 : 6; }
  // What is near in number is near in place, as in a data centre.
  uint32_t MachineOf(uint32_t app) const { return Share(app, apps_, machines_); }
  uint32_t HostOf(uint32_t machine) const { return Share(machine, machines_, hosts_); }
  uint32_t ArrayOf(uint32_t machine) const { return Share(machine, machines_, arrays_); }

 private:
  void EntityLine(uint32_t i, std::string& lines) const;
  void RelationLines(uint32_t app_or_machine, std::string& lines) const;
  static uint32_t Share(uint32_t i, uint32_t of, uint32_t among) {
    return static_cast<uint32_t>(uint64_t{i} * among / of);
  }

  uint32_t apps_, machines_, hosts_, arrays_, hub_;
  uint64_t relations_ = 0;
  uint64_t next_ = 0;
};

}  // namespace rootnote::bench
