#include "broker/service/slices/pack.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <utility>

namespace carrel::slices {
namespace {

constexpr size_t kFlushBytes = size_t{4} << 20;  // the indexer maps the file for every piece
constexpr size_t kDeflateStep = size_t{256} << 10;
constexpr size_t kSha1Bytes = 20;

std::string big_endian(uint32_t value) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8)
    out += static_cast<char>(value >> shift & 0xFF);
  return out;
}

/// gitformat-pack(5): four bits of the size beside the type, then seven a byte.
std::string object_header(git_object_t type, uint64_t size) {
  std::string out;
  uint64_t byte = static_cast<uint64_t>(type) << 4 | (size & 15);
  size >>= 4;
  while (size != 0) {
    out += static_cast<char>(byte | 0x80);
    byte = size & 0x7F;
    size >>= 7;
  }
  out += static_cast<char>(byte);
  return out;
}

}  // namespace

void PackWriter::Free::operator()(z_stream* it) const {
  (void)deflateEnd(it);
  std::default_delete<z_stream>()(it);
}

void PackWriter::Free::operator()(evp_md_ctx_st* it) const {
  EVP_MD_CTX_free(it);
}

Result<PackWriter> PackWriter::create(const std::string& folder, const std::vector<git_oid>& ids) {
  PackWriter pack;
  pack.missing_.insert(ids.begin(), ids.end());
  git_indexer* indexer = nullptr;
  if (git_indexer_new(&indexer, folder.c_str(), 0444, nullptr, nullptr) < 0) {
    return git_failure("begin the pack");
  }
  pack.indexer_.reset(indexer);
  auto stream = std::make_unique<z_stream>();
  if (deflateInit(stream.get(), Z_BEST_SPEED) != Z_OK) return Error{"begin the pack", ENOMEM};
  pack.deflater_.reset(stream.release());
  pack.hash_.reset(EVP_MD_CTX_new());
  EVP_MD* sha1 = EVP_MD_fetch(nullptr, "SHA1", nullptr);
  const bool ready =
      pack.hash_ != nullptr && EVP_DigestInit_ex2(pack.hash_.get(), sha1, nullptr) == 1;
  EVP_MD_free(sha1);
  if (!ready) return Error{"begin the pack: OpenSSL gives no SHA-1; packs of git end in one"};
  pack.buffer_ = "PACK" + big_endian(2) + big_endian(static_cast<uint32_t>(pack.missing_.size()));
  return pack;
}

Status PackWriter::deflate_object(std::string_view bytes) {
  z_stream& stream = *deflater_;
  if (deflateReset(&stream) != Z_OK) return Error{"compress an object", EINVAL};
  // zlib counts in 32 bits; its input pointer is const in all but type.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  int state = Z_OK;
  while (state == Z_OK) {
    const size_t used = buffer_.size();
    buffer_.resize(used + kDeflateStep);
    stream.next_out = reinterpret_cast<Bytef*>(buffer_.data() + used);
    stream.avail_out = static_cast<uInt>(kDeflateStep);
    state = deflate(&stream, Z_FINISH);
    buffer_.resize(buffer_.size() - stream.avail_out);
  }
  if (state != Z_STREAM_END) return Error{"compress an object", EINVAL};
  return Done{};
}

Status PackWriter::flush(bool hashed) {
  if (hashed && EVP_DigestUpdate(hash_.get(), buffer_.data(), buffer_.size()) != 1) {
    return Error{"hash the pack", EINVAL};
  }
  git_indexer_progress ignored{};
  if (git_indexer_append(indexer_.get(), buffer_.data(), buffer_.size(), &ignored) < 0) {
    return git_failure("write the pack");
  }
  buffer_.clear();
  return Done{};
}

Status PackWriter::add(const git_oid& id, git_object_t type, std::string_view bytes) {
  if (missing_.erase(id) == 0) return Done{};
  if (bytes.size() > UINT32_MAX) return Error{"compress an object", EFBIG};
  buffer_ += object_header(type, bytes.size());
  RETURN_IF_ERROR(deflate_object(bytes));
  return buffer_.size() < kFlushBytes ? Status(Done{}) : flush(true);
}

Status PackWriter::finish() {
  if (!missing_.empty()) return Error{"end the pack: an object was not added"};
  RETURN_IF_ERROR(flush(true));
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  if (EVP_DigestFinal_ex(hash_.get(), digest.data(), nullptr) != 1) {
    return Error{"hash the pack", EINVAL};
  }
  buffer_.assign(reinterpret_cast<const char*>(digest.data()), kSha1Bytes);
  RETURN_IF_ERROR(flush(false));
  git_indexer_progress counted{};
  if (git_indexer_commit(indexer_.get(), &counted) < 0) return git_failure("end the pack");
  return Done{};
}

}  // namespace carrel::slices
