#include "emulator/conditions.h"
