// Diagnostics for programs: our own JSON, and SARIF 2.1.0 as code viewers of CI systems read it.
#pragma once

#include <string>

#include "rules/compiler.h"

namespace rootnote {

// {"version":1,"errors":n,"warnings":n,"dropped":n,"diagnostics":[{"code":"E0123",…}]}
// Lines and columns count from 1, columns in code points; `end_column` is the one behind the last.
std::string DiagnosticsJson(const CompileResult& result);

// One run with a rule for every code that occurs. Paths that are relative stay so.
// Source: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0".
std::string DiagnosticsSarif(const CompileResult& result);

}  // namespace rootnote
