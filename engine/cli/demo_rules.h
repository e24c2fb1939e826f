// examples/store/store.rn, compiled into the binary so that the demo runs anywhere.
#pragma once

#include <string_view>

namespace rootnote {

std::string_view DemoRules();

}  // namespace rootnote
