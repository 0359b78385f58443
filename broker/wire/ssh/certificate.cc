#include "broker/wire/ssh/certificate.h"

#include <algorithm>
#include <optional>

#include "broker/record/evidence/sha256.h"
#include "broker/wire/ssh/bytes.h"
#include "profiles/base/text.h"

namespace carrel::ssh {
namespace {

constexpr std::string_view kType = "ssh-ed25519-cert-v01@openssh.com";
constexpr uint32_t kUser = 1;

/// sshd lists principals with commas between them.
bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxName &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return c > ' ' && c <= '~' && c != ','; });
}

Status check(const Certificate& certificate) {
  if (certificate.nonce.size() != kNonceBytes) {
    return Error{"ssh certificate: its nonce is not 32 bytes"};
  }
  if (certificate.serial == 0) return Error{"ssh certificate: serial 0 cannot be revoked"};
  if (!is_name(certificate.key_id)) {
    return Error{"ssh certificate: its key id is no name of 1 to 256 printable characters"};
  }
  if (certificate.principals.empty()) {
    return Error{"ssh certificate: without principals it would be anybody's"};
  }
  if (certificate.principals.size() > kMaxPrincipals) {
    return Error{"ssh certificate: more than 256 principals"};
  }
  if (!std::all_of(certificate.principals.begin(), certificate.principals.end(), is_name)) {
    return Error{"ssh certificate: a principal is no name of 1 to 256 printable characters"};
  }
  if (certificate.valid_before_s <= certificate.valid_after_s) {
    return Error{"ssh certificate: it ends before it begins"};
  }
  if (certificate.valid_before_s - certificate.valid_after_s > kMaxLifeS) {
    return Error{"ssh certificate: it lives longer than 10 minutes"};
  }
  return Done{};
}

std::string packed_principals(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names)
    put_string(out, name);
  return out;
}

/// In the order of their names, as OpenSSH wants it; none of them has a value.
std::string packed_extensions() {
  std::string out;
  for (const std::string_view name : {"permit-port-forwarding", "permit-pty"}) {
    put_string(out, name);
    put_string(out, "");
  }
  return out;
}

}  // namespace

Result<std::string> to_certificate_line(const Certificate& certificate,
                                        const SigningKey& authority) {
  RETURN_IF_ERROR(check(certificate));
  std::string bytes;
  put_string(bytes, kType);
  put_string(bytes, certificate.nonce);
  put_string(bytes, evidence::as_view(certificate.key));
  put_u64(bytes, certificate.serial);
  put_u32(bytes, kUser);
  put_string(bytes, certificate.key_id);
  put_string(bytes, packed_principals(certificate.principals));
  put_u64(bytes, certificate.valid_after_s);
  put_u64(bytes, certificate.valid_before_s);
  put_string(bytes, "");  // critical options
  put_string(bytes, packed_extensions());
  put_string(bytes, "");  // reserved
  put_string(bytes, to_blob(authority.public_key()));
  ASSIGN_OR_RETURN(const evidence::Signature signature, authority.sign(bytes));
  std::string signed_part;  // RFC 8709 section 6
  put_string(signed_part, "ssh-ed25519");
  put_string(signed_part, evidence::as_view(signature));
  put_string(bytes, signed_part);
  return std::string(kType) + " " + to_base64(bytes);
}

bool is_certificate_of(std::string_view line, const PublicKey& key) {
  if (line.size() > kMaxCertificateLine || !line.starts_with(kType)) return false;
  line.remove_prefix(kType.size());
  if (!line.starts_with(' ')) return false;
  const std::optional<std::string> bytes = from_base64(line.substr(1));
  if (!bytes.has_value()) return false;
  Reader reader(*bytes);
  const bool known = reader.string() == kType;
  (void)reader.string();  // the nonce
  return known && reader.string() == evidence::as_view(key) && !reader.failed();
}

}  // namespace carrel::ssh
