#include "emulator/fate.h"
