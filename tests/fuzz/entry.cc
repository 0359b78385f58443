// libFuzzer's way into the one target of this program.

#include "tests/fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const carrel::fuzz::Run kRun = carrel::fuzz::targets().begin()->second;
  kRun({reinterpret_cast<const char*>(data), size});
  return 0;
}
