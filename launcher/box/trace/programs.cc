#include "launcher/box/trace/programs.h"

#include "launcher/box/trace/config.h"

// The skeletons are generated C.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wshadow"
#include "launcher/box/trace/sensor_direct.skel.h"
#include "launcher/box/trace/sensor_probe.skel.h"
#pragma GCC diagnostic pop

namespace carrel::trace {
namespace {

std::string_view view(const void* bytes, size_t size) {
  return {static_cast<const char*>(bytes), size};
}

}  // namespace

std::array<Program, 2> programs() {
  size_t direct_size = 0;
  size_t probe_size = 0;
  const void* direct = sensor_direct__elf_bytes(&direct_size);
  const void* probe = sensor_probe__elf_bytes(&probe_size);
  return {Program{"direct", view(direct, direct_size)}, Program{"probe", view(probe, probe_size)}};
}

}  // namespace carrel::trace
