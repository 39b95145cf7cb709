#include "emulator/release_queue.h"
