#include "emulator/random.h"
