#pragma once
// Options of the command line for every verb: read alike, refused alike.

#include <string>
#include <vector>

#include "profiles/base/result.h"
#include <boost/program_options.hpp>

namespace carrel::options {

namespace po = boost::program_options;

/// The two that every verb has: --help and --state.
po::options_description common_options();

/// Reads the words by these options; what is no option goes to `rest`, in its order. An unknown or
/// shortened option, one without its value or given twice is an Error in words. Never throws.
Result<po::variables_map> read_options(const po::options_description& options,
                                       const std::vector<std::string>& words,
                                       std::vector<std::string>* rest);

/// The value of an option with text; "" where it was not given.
std::string text_of(const po::variables_map& values, const char* name);

}  // namespace carrel::options
