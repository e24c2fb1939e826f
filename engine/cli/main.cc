#include "engine/cli/commands.h"

int main(int argc, char** argv) { return rootnote::RunCommandLine(argc, argv); }
