#include "emulator/packet_buffer.h"
