// Numbers that look drawn and are the same on every machine: SplitMix64 (Steele, Lea and Flood,
// 2014) as a sequence, and as a function of what they are for.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

namespace rootnote::simulator {

inline uint64_t Mix(uint64_t x) {
  x += 0x9E3779B97F4A7C15ULL;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

inline double ToUnit(uint64_t x) { return static_cast<double>(x >> 11) * 0x1.0p-53; }

// In [0, 1), a function of its arguments: noise without state.
inline double Noise(uint64_t seed, uint64_t a, uint64_t b) {
  return ToUnit(Mix(Mix(Mix(seed) ^ a) ^ b));
}

class Random {
 public:
  explicit Random(uint64_t seed) : state_(Mix(seed)) {}

  uint64_t Next() { return Mix(state_++); }
  double Unit() { return ToUnit(Next()); }
  double Between(double low, double high) { return low + (high - low) * Unit(); }
  bool Chance(double probability) { return Unit() < probability; }
  // In [0, n); n is above 0.
  size_t Index(size_t n) { return static_cast<size_t>(Unit() * static_cast<double>(n)); }
  // Mean 0, deviation 1: twelve uniform numbers are near enough, and never beyond 6.
  double Normal() {
    double sum = -6;
    for (int i = 0; i < 12; ++i) sum += Unit();
    return sum;
  }
  // In [1, max] with probabilities as k^-s, by inversion of the continuous law.
  size_t Zipf(size_t max, double s) {
    const double low = std::pow(0.5, 1 - s);
    const double high = std::pow(static_cast<double>(max) + 0.5, 1 - s);
    const double k = std::pow(low + Unit() * (high - low), 1 / (1 - s));
    const auto rounded = static_cast<size_t>(k + 0.5);
    return rounded < 1 ? 1 : rounded > max ? max : rounded;
  }

 private:
  uint64_t state_;
};

}  // namespace rootnote::simulator
