#include "emulator/event.h"
