// Rules and records so small that what they mean is seen at once: an app on a VM, an array of
// three disks, a host; one thing happens to each, minutes apart or for good.
#pragma once

#include <string>
#include <string_view>

#include "fmt/format.h"

#include "schemas/base/time.h"

namespace rootnote::testing {

inline constexpr std::string_view kSmallRules = R"(
kind app   { id app }
kind vm    { id vm }
kind array { id array }
kind disk  { id array, disk }
kind host  { id host }
relation runs_on    : app -> vm     carries errors, down as errors
relation stored_on  : vm -> array   carries errors
relation built_from : array -> disk carries errors  tolerates 1

signal app_errors  on app  { when app_error_ratio > 5% for 30s  every 10s  family errors  severity major }
signal vm_down     on vm   { when vm_up < 1 for 10s  every 10s  family down  severity major }
signal disk_errors on disk { when disk_error_rate > 1 for 10s  every 10s  family errors  severity warning }
signal memory_high on host { when mem_used_ratio > 90% for 10s  every 10s  family saturation  severity info }

incidents { hold back 20s  resolve after 60s }
maintenance "upgrade" on app:wiki
  from 2026-01-01 00:00 to 2026-01-01 01:00 in UTC  owner "it"
)";

inline constexpr std::string_view kSmallMap = R"({"entity":"app:shop"}
{"entity":"app:wiki"}
{"entity":"host:h1"}
{"relation":"runs_on","from":"app:shop","to":"vm:v1"}
{"relation":"runs_on","from":"app:wiki","to":"vm:v2"}
{"relation":"stored_on","from":"vm:v1","to":"array:a1"}
{"relation":"built_from","from":"array:a1","to":"disk:a1/d1"}
{"relation":"built_from","from":"array:a1","to":"disk:a1/d2"}
{"relation":"built_from","from":"array:a1","to":"disk:a1/d3"}
)";

inline EventTime SmallStart() { return FromMillis(1'767'225'600'000); }  // 2026-01-01T00:00:00Z

inline std::string SmallSample(std::string_view metric, std::string_view labels, double value,
                               int second, EventTime start = SmallStart()) {
  return fmt::format(R"({{"metric":"{}","labels":{{{}}},"value":{},"time":{}}})"
                     "\n",
                     metric, labels, value, ToMillis(start) + second * 1'000);
}

// Five minutes, a sample each ten seconds. vm:v1 is down from 1m to 3m and app:shop fails with it;
// app:wiki fails from 1m, under maintenance; disk a1/d2 fails from 1m; the memory of h1 fills at
// 2m. disk a1/d1, a1/d3 and vm:v2 are well.
inline std::string SmallInput(EventTime start = SmallStart()) {
  std::string lines;
  for (int second = 0; second <= 300; second += 10) {
    const bool down = second >= 60 && second < 180;
    const bool later = second >= 60;
    lines += SmallSample("vm_up", R"("vm":"v1")", down ? 0 : 1, second, start);
    lines += SmallSample("vm_up", R"("vm":"v2")", 1, second, start);
    lines += SmallSample("app_error_ratio", R"("app":"shop")", down ? 0.5 : 0.01, second, start);
    lines += SmallSample("app_error_ratio", R"("app":"wiki")", later ? 0.9 : 0.01, second, start);
    for (int disk = 1; disk <= 3; ++disk) {
      lines += SmallSample("disk_error_rate", fmt::format(R"("array":"a1","disk":"d{}")", disk),
                           disk == 2 && later ? 4 : 0, second, start);
    }
    lines +=
        SmallSample("mem_used_ratio", R"("host":"h1")", second >= 120 ? 0.95 : 0.4, second, start);
  }
  return lines;
}

}  // namespace rootnote::testing
