// The body of an answer that comes piece by piece: a live stream of events, a capture. Whoever produces it writes; the
// server sends, as fast as the client takes it, without a thread of its own for either.
//
// Thread: any; one writer at a time. Shared by its writer and the server.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "emulator/mutex.h"

namespace wobble::api {

class BodyStream {
 public:
  // ---- the writer's side
  /// Takes all of it; what bounds the memory is that the writer looks at waiting() first.
  void write(std::string_view bytes);
  /// Nothing follows. Once is enough, more do no harm.
  void end();
  /// Bytes that were written and not yet taken for sending.
  std::size_t waiting() const;
  /// Nobody reads it any more.
  bool is_gone() const;

  // ---- the server's side
  /// `resume` is called (on the writer's thread) when there is something to send after read() has called `suspend`;
  /// `hung_up` asks whether the client has left. Neither may call back into this object.
  void connect(std::function<void()> resume, std::function<bool()> hung_up);
  /// From here on it is gone, and neither function is called again.
  void disconnect();
  /// At most `size` bytes into `out`. 0: nothing now, and `suspend` was called; -1: that was all.
  ssize_t read(char* out, std::size_t size, const std::function<void()>& suspend);

 private:
  void wake() WOBBLE_REQUIRES(mutex_);

  mutable Mutex mutex_;
  std::string bytes_ WOBBLE_GUARDED_BY(mutex_);
  std::size_t taken_ WOBBLE_GUARDED_BY(mutex_) = 0;  ///< of bytes_
  bool ended_ WOBBLE_GUARDED_BY(mutex_) = false;
  bool disconnected_ WOBBLE_GUARDED_BY(mutex_) = false;
  bool suspended_ WOBBLE_GUARDED_BY(mutex_) = false;
  std::function<void()> resume_ WOBBLE_GUARDED_BY(mutex_);
  std::function<bool()> hung_up_ WOBBLE_GUARDED_BY(mutex_);
};

}  // namespace wobble::api
