// What happens in the estate, and when: the stories of the demo, as numbers that the feed asks for.
//
// Everything is a pure function of (story, time since the start, entity). The scripts:
//   dns    a maintenance, three harmless oddities, then dns:internal-atlantic answers SERVFAIL
//   disk   one disk of array a1 fails, and is tolerated; then a second one of the same RAID group
//   quiet  noise that an SRE sees every day and nobody is called for
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/cli/estate/estate.h"
#include "schemas/base/time.h"

namespace rootnote::estate {

enum class Story : uint8_t { kDns, kDisk, kQuiet };

std::optional<Story> ParseStory(std::string_view name);
std::string_view Name(Story story);

// 2026-03-21T22:55:00Z: five minutes before the launch event's maintenance window.
EventTime StoryStart();
Millis StoryLength(Story story);

class Conditions {
 public:
  Conditions(Story story, const Estate& estate) : story_(story), estate_(estate) {}

  double DiskWriteErrors(const Array& array, uint32_t disk, Millis at) const;   // per second
  double VmWriteLatency(const Vm& vm, Millis at) const;                         // seconds
  double MemoryUsed(const Host& host, Millis at) const;                         // ratio
  double InterfaceErrors(uint32_t interface, Millis at) const;                  // per second
  double ServfailShare(const Resolver& resolver, Millis at) const;              // of its answers
  double ResolutionSuccess(const Resolver& resolver, Millis at) const;          // 0 or 1
  double ErrorShare(const App& app, Millis at) const;                           // of its answers
  double AppLatency(const App& app, Millis at) const;                           // seconds
  double TransactionSuccess(const Transaction& transaction, Millis at) const;   // 0 or 1
  double TransactionDuration(const Transaction& transaction, Millis at) const;  // seconds
  double EdgeTraffic(uint32_t region, Millis at) const;                         // times normal
  double EdgeConnections(uint32_t region, Millis at) const;                     // times normal
  double DatabaseErrors(Millis at) const;                                       // per second
  bool MemberUp(const Vm& vm, Millis at) const;
  // A deploy that finishes within [at, at + step), as the name of the app; "" for none.
  std::string_view Deploy(Millis at, Millis step) const;

 private:
  bool DnsDown(const App& app, Millis at) const;
  double DiskSlowness(uint32_t array, Millis at) const;
  double Random(std::string_view what, uint64_t which, Millis at) const;

  Story story_;
  const Estate& estate_;
};

}  // namespace rootnote::estate
