#include "bench/quality/simulator/readings.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "bench/quality/simulator/random.h"

namespace rootnote::simulator {
namespace {

constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();

enum Use : uint64_t { kValue = 1, kBlip, kBusy };

constexpr std::string_view kOfSwitch[] = {"switch_up", "uplink_loss_ratio"};
constexpr std::string_view kOfHost[] = {"host_up", "host_cpu_ratio", "host_packet_loss_ratio"};
constexpr std::string_view kOfDisk[] = {"disk_write_errors_total"};
constexpr std::string_view kOfArray[] = {"array_latency_seconds", "array_controllers_up"};
constexpr std::string_view kOfDatastore[] = {"datastore_up", "datastore_used_ratio",
                                             "datastore_latency_seconds"};
constexpr std::string_view kOfVm[] = {"vm_up", "vm_cpu_ratio", "vm_steal_ratio",
                                      "vm_io_latency_seconds"};
constexpr std::string_view kOfDns[] = {"dns_up", "dns_servfail_ratio", "dns_latency_seconds"};
constexpr std::string_view kOfCache[] = {"cache_up", "cache_hit_ratio", "cache_latency_seconds"};
constexpr std::string_view kOfDatabase[] = {"database_up", "database_error_ratio",
                                            "database_latency_seconds",
                                            "database_connections_ratio"};
constexpr std::string_view kOfQueue[] = {"queue_up", "queue_oldest_seconds",
                                         "queue_publish_failure_ratio"};
constexpr std::string_view kOfInstance[] = {"instance_ready", "instance_cpu_ratio",
                                            "instance_lookup_failure_ratio",
                                            "instance_restarts_total"};
constexpr std::string_view kOfService[] = {"http_error_ratio", "http_slow_ratio",
                                           "http_requests_ratio"};
constexpr std::string_view kOfGateway[] = {"tls_failure_ratio", "certificate_left_seconds"};
constexpr std::string_view kOfTransaction[] = {"probe_failure_ratio", "probe_slow_ratio"};

double Ratio(double value) { return std::clamp(value, 0.0, 1.0); }

void ReadMachines(const Reading& r, std::span<double> v) {
  const State& s = r.state;
  switch (r.entity.kind) {
    case Kind::kSwitch:
      v[1] = Ratio(r.Skewed(0.0005, 1) + s.loss * (1 + 0.1 * r.Bell(2)));
      break;
    case Kind::kHost:
      v[1] = r.cpu;
      v[2] = Ratio(r.Skewed(0.0005, 2) + s.loss * (1 + 0.1 * r.Bell(3)));
      break;
    case Kind::kDatastore:
      v[1] = s.aux > 0.5F ? 1 : 0.4 + 0.9 * r.entity.base + 0.002 * r.Bell(0);
      v[2] = r.Skewed(0.004, 1) + 0.008 * s.io * (1 + 0.1 * r.Bell(2)) + 0.2 * s.err;
      break;
    case Kind::kVm:
      v[1] = r.cpu;
      v[2] = Ratio(r.Skewed(0.005, 2) + 0.12 * s.slow);
      v[3] = r.Skewed(0.004, 3) + 0.012 * s.io * (1 + 0.1 * r.Bell(2)) + 0.3 * s.err;
      break;
    default:
      break;
  }
}

void ReadShared(const Reading& r, std::span<double> v) {
  const State& s = r.state;
  switch (r.entity.kind) {
    case Kind::kDns:
      v[1] = Ratio(r.Skewed(0.002, 1) + s.err + r.blip);
      v[2] = r.Skewed(0.006, 2) + 0.15 * s.slow;
      break;
    case Kind::kCache:
      v[1] = Ratio(0.93 + 0.01 * r.Bell(1) - s.aux);
      v[2] = r.Skewed(0.001, 2) + 0.002 * s.slow;
      break;
    case Kind::kDatabase:
      v[1] = Ratio(r.Skewed(0.001, 1) + s.err * (1 + 0.1 * r.Bell(0)) + r.blip);
      v[2] = r.Skewed(0.01, 2) + 0.02 * s.slow * (1 + 0.1 * r.Bell(3));
      v[3] = Ratio(std::max<double>(s.aux, r.entity.base) + 0.02 * r.Bell(3));
      break;
    case Kind::kQueue:
      v[1] = r.Skewed(2, 1) + s.aux;
      v[2] = Ratio(r.Skewed(0.001, 2) + s.err);
      break;
    case Kind::kInstance:
      v[0] = !r.down && !r.checks_fail && s.err < 0.5F;
      v[1] = r.cpu;
      v[2] = Ratio(r.Skewed(0.001, 2) + s.aux * (1 + 0.1 * r.Bell(3)));
      v[3] = r.counter;
      break;
    default:
      break;
  }
}

void ReadServices(const Reading& r, std::span<double> v) {
  const State& s = r.state;
  switch (r.entity.kind) {
    case Kind::kService:
      v[0] = Ratio(r.Skewed(0.002, 0) + s.err * (1 + 0.1 * r.Bell(1)) + r.blip);
      v[1] = Ratio(r.Skewed(0.01, 1) + s.slow * (1 + 0.1 * r.Bell(2)) + r.blip);
      v[2] = std::max(0.0, s.load * (1 + 0.1 * r.Bell(3)));
      break;
    case Kind::kGateway:
      v[0] = Ratio(r.Skewed(0.001, 0) + s.err + r.blip);
      v[1] = s.err > 0.5F ? 0 : 3e6 + 9e6 * r.entity.base - r.second;
      break;
    case Kind::kTransaction:
      v[0] = Ratio(r.Skewed(0.003, 0) + s.err * (1 + 0.1 * r.Bell(1)) + r.blip);
      v[1] = Ratio(r.Skewed(0.01, 1) + s.slow * (1 + 0.1 * r.Bell(2)) + r.blip);
      break;
    default:
      break;
  }
}

}  // namespace

std::span<const std::string_view> MetricsOf(Kind kind) {
  switch (kind) {
    case Kind::kZone:
    case Kind::kLun:
    case Kind::kProvider:
      return {};
    case Kind::kSwitch:
      return kOfSwitch;
    case Kind::kHost:
      return kOfHost;
    case Kind::kDisk:
      return kOfDisk;
    case Kind::kArray:
      return kOfArray;
    case Kind::kDatastore:
      return kOfDatastore;
    case Kind::kVm:
      return kOfVm;
    case Kind::kDns:
      return kOfDns;
    case Kind::kCache:
      return kOfCache;
    case Kind::kDatabase:
      return kOfDatabase;
    case Kind::kQueue:
      return kOfQueue;
    case Kind::kInstance:
      return kOfInstance;
    case Kind::kService:
      return kOfService;
    case Kind::kGateway:
      return kOfGateway;
    case Kind::kTransaction:
      return kOfTransaction;
  }
  return {};
}

// What each metric shows when it is bad for no reason.
double Bad(Kind kind, uint32_t metric) {
  const std::string_view name = MetricsOf(kind)[metric];
  if (name == "array_controllers_up") return 1;
  if (name.ends_with("_up") || name == "instance_ready" || name == "cache_hit_ratio") return 0;
  if (name == "queue_oldest_seconds") return 400;
  if (name.ends_with("_total")) return 40;
  if (name.ends_with("_seconds")) return name.starts_with("certificate") ? 0 : 1.5;
  return name.ends_with("_cpu_ratio") || name.ends_with("used_ratio") ? 1 : 0.6;
}

double Well(Kind kind, uint32_t metric) {
  const std::string_view name = MetricsOf(kind)[metric];
  if (name.ends_with("_up") || name == "instance_ready") return name.starts_with("array") ? 2 : 1;
  if (name == "cache_hit_ratio") return 0.93;
  if (name == "certificate_left_seconds") return 4e6;
  return name.ends_with("_cpu_ratio") || name.ends_with("used_ratio") ? 0.4 : 0;
}

bool IsAffected(const Entity& entity, const State& state) {
  if (state.down > 0.5F) return true;
  switch (entity.kind) {
    case Kind::kZone:
    case Kind::kProvider:
      return state.err > 0.05F || state.slow > 1;
    case Kind::kDisk:
      return state.aux > 0.5F;
    case Kind::kSwitch:
      return state.loss > 0.02F;
    case Kind::kHost:
      return state.slow > 1 || state.loss > 0.02F;
    case Kind::kArray:
      return state.io > 2 || state.aux > 0.5F;
    case Kind::kLun:
      return state.io > 2 || state.err > 0.1F;
    case Kind::kDatastore:
      return state.io > 2 || state.err > 0.1F || state.aux > 0.5F;
    case Kind::kVm:
      return state.slow > 1 || state.io > 2 || state.err > 0.1F;
    case Kind::kDns:
      return state.err > 0.1F || state.slow > 2;
    case Kind::kCache:
      return state.aux > 0.3F || state.slow > 2 || state.err > 0.1F;
    case Kind::kDatabase:
      return state.err > 0.05F || state.slow > 2 || state.aux > 0.95F;
    case Kind::kQueue:
      return state.err > 0.1F || state.aux > 120;
    case Kind::kInstance:
      return state.aux > 0.2F || state.err > 0.5F;
    case Kind::kService:
      return state.err > 0.05F || state.slow > 0.2F;
    case Kind::kGateway:
      return state.err > 0.05F;
    case Kind::kTransaction:
      return state.err > 0.1F || state.slow > 0.3F;
  }
  return false;
}

Reading::Reading(const Entity& whose, const State& how, uint64_t run, EntityIndex i, int at)
    : entity(whose), state(how), seed(run), index(i), second(at), down(how.down > 0.5F) {
  blip = Noise(seed ^ kBlip, index, static_cast<uint64_t>(at)) < 0.0004 ? 0.3 : 0;
  const bool backup = Noise(seed, kBusy, index) < 0.02 && at % 86'400 < 7'200;
  cpu = Ratio(state.cpu + (backup ? 0.3 : 0) + 0.03 * Bell(1));
}

double Reading::Bell(uint64_t which) const {
  double sum = -2;
  for (uint64_t k = 0; k < 4; ++k) {
    sum += Noise(seed ^ kValue, index * 64ULL + which * 4 + k, static_cast<uint64_t>(second));
  }
  return sum * std::sqrt(3.0);
}

double Reading::Skewed(double usual, uint64_t which) const {
  return usual * std::exp(0.7 * Bell(which));
}

double Reading::WriteErrors() const {
  if (state.aux > 0.5F) return 30 + 5 * Bell(0);
  return Noise(seed ^ kBlip, index, static_cast<uint64_t>(second)) < 0.002 ? 1 : 0;
}

void Read(const Reading& reading, std::span<double> v) {
  const size_t metrics = MetricsOf(reading.entity.kind).size();
  const State& state = reading.state;
  if (metrics > 0) v[0] = !reading.down;
  switch (reading.entity.kind) {
    case Kind::kDisk:
      v[0] = std::floor(reading.counter);
      return;
    case Kind::kArray:
      v[0] = reading.down
                 ? kNothing
                 : reading.Skewed(0.003, 0) + 0.003 * state.io * (1 + 0.1 * reading.Bell(1)) +
                       (state.io > 3 ? 0.02 : 0);
      v[1] = reading.down ? 0 : state.aux > 0.5F ? 1 : 2;
      return;
    case Kind::kService:
    case Kind::kGateway:
    case Kind::kTransaction:
      ReadServices(reading, v);
      return;
    case Kind::kDns:
    case Kind::kCache:
    case Kind::kDatabase:
    case Kind::kQueue:
    case Kind::kInstance:
      ReadShared(reading, v);
      break;
    default:
      ReadMachines(reading, v);
  }
  // How often an instance was started is known of one that is gone as well.
  const size_t known = reading.entity.kind == Kind::kInstance ? 3 : metrics;
  if (reading.down && known > 0) {
    for (double& value : v.subspan(1, known - 1)) value = kNothing;
  }
}

}  // namespace rootnote::simulator
