#include "daemon/cli/commands/command.h"

int main(int argc, char** argv) { return wobble::daemon::run_command_line(argc, argv); }
