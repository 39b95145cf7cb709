// A file that is gone when the test is over.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>

namespace wobble::api {

class TemporaryFile {
 public:
  /// Two at once take different names.
  explicit TemporaryFile(const std::string& text, const std::string& name = "file")
      : path_(testing::TempDir() + "wobble_" + std::to_string(::getpid()) + "_" + name) {
    std::ofstream(path_) << text;
  }
  ~TemporaryFile() { std::remove(path_.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace wobble::api
