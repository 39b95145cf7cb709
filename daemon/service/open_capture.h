// Begins a capture of a link.
#pragma once

#include <memory>

#include "api/backend.h"
#include "daemon/journal/journal.h"
#include "daemon/service/link_registry.h"
#include "emulator/memory_budget.h"

namespace wobble::daemon {

/// Packets from now on. What it keeps until it is read is taken from the budget as long as it lives; the link may go
/// before it. Its times are by the journal's clock, which outlives it. Throws api::Unavailable if there is no room, or
/// the link does not answer, api::Conflict if nothing flows yet.
std::unique_ptr<api::Capture> open_capture(const LinkRegistry::Use& link, const api::CaptureOptions& options,
                                           const std::shared_ptr<MemoryBudget>& memory, const Journal& journal);

}  // namespace wobble::daemon
