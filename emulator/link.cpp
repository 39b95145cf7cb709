#include "emulator/link.h"
