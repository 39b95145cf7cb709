#include "daemon/ways_in/container_engine.h"

#include "api/backend.h"
#include "daemon/ways_in/container_inspect.h"

namespace wobble::daemon {

pid_t container_pid(const std::string& name, const std::string& pointer) {
  try {
    return ContainerEngine(container_engine_socket("")).inspect_running(name).pid;
  } catch (const NoSuchContainer& e) {
    throw api::Unfit(pointer, e.what());
  } catch (const ContainerNotRunning& e) {
    throw api::Unfit(pointer, e.what());
  } catch (const EngineUnavailable& e) {
    throw api::Incapable(e.what());
  }
}

}  // namespace wobble::daemon
