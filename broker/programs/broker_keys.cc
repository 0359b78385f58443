#include "broker/programs/broker_keys.h"

#include <cerrno>
#include <string>

#include "broker/programs/token_keys.h"
#include "broker/record/evidence/policy.h"
#include "broker/service/store/files.h"
#include "profiles/base/secret.h"

namespace carrel::programs {
namespace {

constexpr size_t kSeedBytes = 32;

enum class WhenMissing { kMake, kRefuse };

Result<Secret> open_seed(int keys_fd, const std::string& name, WhenMissing when_missing) {
  auto read = store::read_file(keys_fd, name, kSeedBytes);
  if (read.ok()) {
    Secret seed(read.take());
    if (seed.expose().size() != kSeedBytes) return Error{"keys/" + name + ": not a 32-byte seed"};
    return seed;
  }
  if (read.error().sys_errno != ENOENT) return read.take_error();
  if (when_missing == WhenMissing::kRefuse) {
    return Error{"keys/" + name + " is missing, and there are records that it has signed", ENOENT};
  }
  ASSIGN_OR_RETURN(Secret seed, evidence::generate_seed());
  RETURN_IF_ERROR(store::replace_file(keys_fd, name, seed.expose(), 0600));
  return seed;
}

Status write_policy(int store_fd, const evidence::PublicKey& key) {
  const auto there = store::read_file(store_fd, "trust.policy", 64 << 10);
  if (there.ok() || there.error().sys_errno != ENOENT) {
    return there.ok() ? Status(Done{}) : Status(there.error());
  }
  return store::replace_file(store_fd, "trust.policy",
                             evidence::format_policy(evidence::broker_policy(key)), 0644);
}

}  // namespace

Result<evidence::SigningKey> make_key_of_start() {
  ASSIGN_OR_RETURN(const Secret seed, evidence::generate_seed());
  return evidence::SigningKey::from_seed(seed);
}

Result<BrokerKeys> open_broker_keys(int store_fd, bool has_records,
                                    const credentials::IssuerNames& issuer, uint64_t now_s) {
  ASSIGN_OR_RETURN(const UniqueFd folder, store::make_folder(store_fd, "keys", 0700));
  ASSIGN_OR_RETURN(const Secret seal_seed,
                   open_seed(folder.get(), "broker.ed25519",
                             has_records ? WhenMissing::kRefuse : WhenMissing::kMake));
  ASSIGN_OR_RETURN(evidence::SigningKey seals, evidence::SigningKey::from_seed(seal_seed));
  RETURN_IF_ERROR(write_policy(store_fd, seals.public_key()));
  ASSIGN_OR_RETURN(credentials::KeyRing tokens, tend_token_keys(store_fd, issuer, now_s));
  return BrokerKeys{std::move(seals), std::move(tokens)};
}

Result<credentials::KeyRing> tend_token_keys(int store_fd, const credentials::IssuerNames& issuer,
                                             uint64_t now_s) {
  ASSIGN_OR_RETURN(const UniqueFd folder, store::make_folder(store_fd, "keys", 0700));
  ASSIGN_OR_RETURN(credentials::KeyRing tokens,
                   open_token_keys(folder.get(), !issuer.issuer.empty(), now_s));
  RETURN_IF_ERROR(replace_if_other(store_fd, "jwks.json", tokens.jwks()));
  RETURN_IF_ERROR(publish_issuer(store_fd, issuer, tokens.jwks()));
  return tokens;
}

}  // namespace carrel::programs
