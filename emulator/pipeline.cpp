#include "emulator/pipeline.h"
