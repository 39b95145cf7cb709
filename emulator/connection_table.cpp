#include "emulator/connection_table.h"
