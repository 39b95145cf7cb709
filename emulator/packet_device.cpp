#include "emulator/packet_device.h"
