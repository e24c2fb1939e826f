// Compensated summation (Neumaier's variant of Kahan's), step by step as Prometheus 3 does it, and
// the mean and the quantile that follow from it.
#pragma once

#include <vector>

namespace rootnote::promql {

struct CompensatedSum {
  double sum = 0;
  double compensation = 0;

  void Add(double value);
};

// The mean of one value after the other: of the sum, until the sum would overflow, then
// incremental.
class CompensatedMean {
 public:
  void Add(double value);
  double Result() const;

 private:
  CompensatedSum sum_;
  double count_ = 0;
  bool incremental_ = false;  // then sum_ holds the mean
};

// The φ-quantile between the two nearest ranks; NaN counts as smaller than anything. -Inf and +Inf
// for φ outside of [0, 1], NaN for no values.
double Quantile(double phi, std::vector<double> values);

// Go's math.Max and math.Min: NaN if either is NaN, but for an infinity that nothing exceeds.
double MaxOrNan(double a, double b);
double MinOrNan(double a, double b);

}  // namespace rootnote::promql
