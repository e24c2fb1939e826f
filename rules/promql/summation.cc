#include "rules/promql/summation.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace rootnote::promql {

void CompensatedSum::Add(double value) {
  const double total = sum + value;
  if (std::isinf(total)) {
    compensation = 0;
  } else if (std::abs(sum) >= std::abs(value)) {
    compensation += (sum - total) + value;
  } else {
    compensation += (value - total) + sum;
  }
  sum = total;
}

void CompensatedMean::Add(double value) {
  ++count_;
  if (count_ == 1) {
    sum_.sum = value;
    return;
  }
  if (!incremental_) {
    CompensatedSum next = sum_;
    next.Add(value);
    if (!std::isinf(next.sum)) {
      sum_ = next;
      return;
    }
    incremental_ = true;
    sum_.sum /= count_ - 1;
    sum_.compensation /= count_ - 1;
  }
  const double share = (count_ - 1) / count_;
  sum_.sum *= share;
  sum_.compensation *= share;
  sum_.Add(value / count_);
}

double CompensatedMean::Result() const {
  if (incremental_) return sum_.sum + sum_.compensation;
  return sum_.sum / count_ + sum_.compensation / count_;
}

double Quantile(double phi, std::vector<double> values) {
  if (values.empty() || std::isnan(phi)) return std::numeric_limits<double>::quiet_NaN();
  if (phi < 0) return -HUGE_VAL;
  if (phi > 1) return HUGE_VAL;
  std::sort(values.begin(), values.end(), [](double a, double b) {
    if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && !std::isnan(b);
    return a < b;
  });
  const double last = static_cast<double>(values.size()) - 1;
  const double rank = phi * last;
  const double lower = std::max(0.0, std::floor(rank));
  const double upper = std::min(last, lower + 1);
  const double weight = rank - std::floor(rank);
  // Not only faster: infinity times zero is no number.
  if (weight == 0) return values[static_cast<size_t>(lower)];
  return values[static_cast<size_t>(lower)] * (1 - weight) +
         values[static_cast<size_t>(upper)] * weight;
}

double MaxOrNan(double a, double b) {
  if (a == HUGE_VAL || b == HUGE_VAL) return HUGE_VAL;
  if (std::isnan(a) || std::isnan(b)) return std::numeric_limits<double>::quiet_NaN();
  return std::fmax(a, b);
}

double MinOrNan(double a, double b) {
  if (a == -HUGE_VAL || b == -HUGE_VAL) return -HUGE_VAL;
  if (std::isnan(a) || std::isnan(b)) return std::numeric_limits<double>::quiet_NaN();
  return std::fmin(a, b);
}

}  // namespace rootnote::promql
