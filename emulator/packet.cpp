#include "emulator/packet.h"
