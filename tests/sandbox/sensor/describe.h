#pragma once
// Observations as lines to compare.

#include <string>
#include <vector>

#include "launcher/watch/sensor/reader.h"

namespace carrel::sensor {

/// "p1 file.open /x 0101 created ENOENT".
std::string describe(const Observation& seen);
std::vector<std::string> describe(const std::vector<Observation>& seen);

}  // namespace carrel::sensor
