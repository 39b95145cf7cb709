#include "emulator/address.h"
