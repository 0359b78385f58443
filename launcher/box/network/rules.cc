#include "launcher/box/network/rules.h"

#include <nftables/libnftables.h>

#include <memory>

#include "profiles/base/text.h"

namespace carrel::network {
namespace {

struct Free {
  void operator()(nft_ctx* context) const { nft_ctx_free(context); }
};

}  // namespace

Status load_rules(const std::string& text) {
  const std::unique_ptr<nft_ctx, Free> context(nft_ctx_new(NFT_CTX_DEFAULT));
  if (context == nullptr) return Error{"libnftables has no memory"};
  // Names are never looked up: every address in the rules is a number.
  nft_ctx_output_set_flags(context.get(), NFT_CTX_OUTPUT_NUMERIC_ALL);
  if (nft_ctx_buffer_output(context.get()) != 0 || nft_ctx_buffer_error(context.get()) != 0) {
    return Error{"libnftables keeps no messages"};
  }
  if (nft_run_cmd_from_buffer(context.get(), text.c_str()) == 0) return Done{};
  const char* said = nft_ctx_get_error_buffer(context.get());
  return Error{"load the packet filter: " + quoted(said == nullptr ? "no reason given" : said)};
}

}  // namespace carrel::network
