#include "launcher/gateway/tls/handles.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <limits>

namespace carrel::gateway {

Error openssl_error(std::string what) {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  if (reason != nullptr) what += std::string(": ") + reason;
  ERR_clear_error();
  return Error{std::move(what)};
}

Result<std::vector<Owned<X509>>> read_certificates(std::string_view pem, size_t most) {
  constexpr size_t kMaxPem = std::numeric_limits<int>::max();
  if (pem.size() > kMaxPem) return Error{"certificates of more than 2 GiB", EINVAL};
  const Owned<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (bio == nullptr) return openssl_error("read certificates");
  ERR_clear_error();
  std::vector<Owned<X509>> out;
  while (Owned<X509> each{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
    if (out.size() == most) return Error{"more than " + std::to_string(most) + " certificates"};
    out.push_back(std::move(each));
  }
  if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
    return openssl_error("certificate " + std::to_string(out.size() + 1));
  ERR_clear_error();
  if (out.empty()) return Error{"there is no certificate in it", EINVAL};
  return out;
}

Result<std::string> certificate_pem(const X509* certificate) {
  const Owned<BIO> bio(BIO_new(BIO_s_mem()));
  if (bio == nullptr || PEM_write_bio_X509(bio.get(), certificate) != 1)
    return openssl_error("write a certificate");
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<size_t>(size));
}

}  // namespace carrel::gateway
