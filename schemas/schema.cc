#include "schemas/schema.h"

#include <bit>

namespace rootnote {

double StaleNan() { return std::bit_cast<double>(kStaleNanBits); }

bool IsStaleNan(double value) { return std::bit_cast<uint64_t>(value) == kStaleNanBits; }

}  // namespace rootnote
