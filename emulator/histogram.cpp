#include "emulator/histogram.h"
