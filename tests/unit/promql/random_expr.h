// Random PromQL: well-typed expressions over a few known series, and text that is anything.
#pragma once

#include <cstdint>
#include <random>
#include <string>

namespace rootnote::promql {

// The same seed gives the same expressions on every machine: only the engine's raw numbers are
// used.
class RandomExpr {
 public:
  // `evaluable`: only what has one answer whatever the order of series (no topk of equal values).
  RandomExpr(uint64_t seed, bool evaluable) : random_(seed), evaluable_(evaluable) {}

  std::string Vector(int depth);
  std::string Scalar(int depth);
  std::string Matrix(int depth);
  // Words, numbers, symbols and noise in any order.
  std::string Noise(int words);

  // 0 to n - 1.
  uint32_t Below(uint32_t n) { return static_cast<uint32_t>(random_() % n); }

 private:
  template <size_t n>
  std::string Pick(const char* const (&choices)[n]) {
    return choices[Below(n)];
  }
  std::string Selector();
  std::string Modifiers();
  std::string Binary(int depth);
  std::string Aggregate(int depth);
  std::string Call(int depth);

  std::mt19937_64 random_;
  bool evaluable_;
};

// Series for these expressions, as a `load` of promqltest: gaps, resets, NaN, stale markers,
// staggered starts.
std::string RandomLoad(uint64_t seed);

}  // namespace rootnote::promql
