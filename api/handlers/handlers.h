// What routes lead to: the handlers of each kind of resource. Each function reads the call, asks the backend and writes
// the answer, on any worker; it throws Problem, or what problem_of() turns into one.
#pragma once

#include <string>
#include <utility>

#include "api/conditions/file_store.h"
#include "api/handlers/capture_handlers.h"
#include "api/handlers/change_handlers.h"
#include "api/handlers/connection_handlers.h"
#include "api/handlers/daemon_handlers.h"
#include "api/handlers/event_handlers.h"
#include "api/handlers/link_handlers.h"
#include "api/handlers/page_handlers.h"
#include "api/handlers/profile_handlers.h"

namespace wobble::api {

struct Handlers {
  /// `web_root` as PageHandlers has it. All others must outlive this.
  Handlers(Backend& backend, EventStreams& streams, const Access& access, std::string web_root)
      : files(backend.memory()),
        page(access, std::move(web_root)),
        daemon(backend, streams),
        links(backend, files),
        changes(backend, files),
        connections(backend),
        events(backend, streams),
        captures(backend, streams) {}

  FileStore files;
  PageHandlers page;
  DaemonHandlers daemon;
  LinkHandlers links;
  ChangeHandlers changes;
  ProfileHandlers profiles;
  ConnectionHandlers connections;
  EventHandlers events;
  CaptureHandlers captures;
};

}  // namespace wobble::api
