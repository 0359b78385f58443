#include "profiles/parse/checks.h"

#include <algorithm>

#include "profiles/base/paths.h"
#include "profiles/base/text.h"
#include "profiles/parse/parse.h"

namespace carrel::parse {
namespace {

/// True when nothing in the text hides from a reader: no control, no bidirectional override.
bool is_plain(std::string_view text) {
  std::string without_backslash(text);
  std::erase(without_backslash, '\\');
  return quoted(without_backslash) == without_backslash;
}

Complaint check_line(std::string_view text, size_t limit) {
  if (text.find_first_not_of(' ') == std::string_view::npos) return "is empty; write something";
  if (text.size() > limit) {
    return "is longer than " + std::to_string(limit) + " bytes; shorten it";
  }
  if (!is_utf8(text)) return "is not UTF-8";
  if (!is_plain(text)) return "has a control or direction character; remove it";
  return std::nullopt;
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool is_git_folder(std::string_view part) {
  return part.size() == 4 && part[0] == '.' && (part[1] | 0x20) == 'g' && (part[2] | 0x20) == 'i' &&
         (part[3] | 0x20) == 't';
}

}  // namespace

Complaint check_name(std::string_view text) {
  const bool good = !text.empty() && text.size() <= 63 && text[0] != '-' &&
                    std::all_of(text.begin(), text.end(),
                                [](char c) { return is_name_character(c) || c == '-'; });
  if (good) return std::nullopt;
  return "is no name: \"" + quoted(text.substr(0, 80)) +
         "\"; use 1 to 63 of a-z, 0-9 and -, not beginning with -";
}

Complaint check_summary(std::string_view text) {
  return check_line(text, 500);
}

Complaint check_statement(std::string_view text) {
  std::string spaced(text);
  std::replace(spaced.begin(), spaced.end(), '\n', ' ');
  return check_line(spaced, 4096);
}

Complaint check_source(std::string_view text) {
  if (auto complaint = check_line(text, 4096)) return complaint;
  if (text.find("://") != std::string_view::npos || text[0] == '-') {
    return "is no path: \"" + quoted(text.substr(0, 200)) +
           "\"; name a repository on this host, absolute or relative to this file";
  }
  return std::nullopt;
}

Complaint check_ref(std::string_view text) {
  if (auto complaint = check_line(text, 255)) return complaint;
  const bool bad = text.find_first_of(" ~^:?*[\\") != std::string_view::npos ||
                   text.find("..") != std::string_view::npos ||
                   text.find("//") != std::string_view::npos ||
                   text.find("@{") != std::string_view::npos || text[0] == '-' || text[0] == '/' ||
                   text.back() == '/' || text.back() == '.';
  if (!bad) return std::nullopt;
  return "is no ref: \"" + quoted(text.substr(0, 80)) +
         "\"; name a branch, a tag or a commit id, like \"main\"";
}

Complaint check_audience(std::string_view text) {
  if (auto complaint = check_line(text, 1024)) return complaint;
  if (text.find(' ') == std::string_view::npos) return std::nullopt;
  return "has white space; name the service as its verifier does, like \"https://ci.example.org\"";
}

Complaint check_path(std::string_view text) {
  if (text == ".") return "is the whole repository; name its folders and files instead";
  if (text.size() > 1 && text.back() == '/') {
    return "ends in a slash: \"" + quoted(text.substr(0, 200)) + "\"; write it without";
  }
  const auto path = RelPath::parse(text);
  if (!path.ok())
    return path.error().what + "; write it from the repository's root, like \"src/app\"";
  if (!is_utf8(text)) return "is not UTF-8";
  if (!is_plain(text)) return "has a control or direction character; remove it";
  if (text.find('*') != std::string_view::npos) {
    return "has a *: \"" + quoted(text.substr(0, 200)) +
           "\"; entries are names, not patterns: name the folder";
  }
  for (const std::string& part : path.value().parts()) {
    if (is_git_folder(part)) return "names .git, which is never part of a slice; remove it";
  }
  return std::nullopt;
}

Complaint check_country(std::string_view text) {
  const auto is_letter = [](char c) { return c >= 'A' && c <= 'Z'; };
  if (text.size() == 2 && is_letter(text[0]) && is_letter(text[1])) return std::nullopt;
  return "is no country: \"" + quoted(text.substr(0, 80)) + "\"; write its ISO code, like \"DE\"";
}

Complaint check_file(std::string_view text) {
  const auto path = RelPath::parse(text);
  if (!path.ok()) return path.error().what + "; write it from the profile's folder";
  return check_line(text, 4096);
}

Complaint check_zone(std::string_view text) {
  const bool good = text.size() <= 64 && RelPath::parse(text).ok() &&
                    std::all_of(text.begin(), text.end(), [](char c) {
                      return is_name_character(static_cast<char>(c | 0x20)) ||
                             (c >= '0' && c <= '9') || c == '_' || c == '+' || c == '-' || c == '/';
                    });
  if (good) return std::nullopt;
  return "is no time zone: \"" + quoted(text.substr(0, 80)) +
         "\"; write one like \"Europe/Berlin\"";
}

Complaint check_submit_refs(std::string_view text) {
  std::string plain(text);
  const size_t task = plain.find("{task}");
  if (task != std::string::npos) plain.replace(task, 6, "t");
  if (plain.ends_with("/*")) plain.back() = 'x';
  if (!text.starts_with("refs/heads/") || check_ref(plain)) {
    return "is no place to hand work in: \"" + quoted(text.substr(0, 80)) +
           "\"; write one like \"refs/heads/contrib/{task}/*\"";
  }
  return std::nullopt;
}

Complaint check_host(std::string_view text) {
  bool good = !text.empty() && text.size() <= 253;
  std::string_view rest = text;
  std::string_view label;
  while (good) {
    const size_t dot = rest.find('.');
    label = rest.substr(0, dot);
    good = !check_name(label) && label.back() != '-';
    if (dot == std::string_view::npos) break;
    rest.remove_prefix(dot + 1);
  }
  // A last label of digits would be taken for an address.
  if (good && label.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  return "is no host: \"" + quoted(text.substr(0, 80)) +
         "\"; write its name in lower case, like \"registry.example.org\"; no address, no *";
}

Complaint check_method(std::string_view text) {
  const bool good =
      !text.empty() && text.size() <= 20 &&
      std::all_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  if (good) return std::nullopt;
  return "is no method: \"" + quoted(text.substr(0, 80)) + "\"; write it like \"GET\"";
}

Complaint check_http_path(std::string_view text) {
  if (auto complaint = check_line(text, 1024)) return complaint;
  const std::string start = "is no path: \"" + quoted(text.substr(0, 200)) + "\"; ";
  if (text[0] != '/') return start + "begin it with /";
  if (text.find_first_of(" ?#%;\\") != std::string_view::npos) {
    return start + "no white space, ?, #, %, ; or backslash";
  }
  std::string_view rest = text.substr(1);
  while (true) {
    const size_t slash = rest.find('/');
    const std::string_view part = rest.substr(0, slash);
    const bool last = slash == std::string_view::npos;
    if ((part.empty() && !last) || part == "." || part == "..") return start + "no //, . or ..";
    if (part.find('*') != std::string_view::npos && part != "*" && !(part == "**" && last)) {
      return start + "* stands for a whole component, ** only at the end";
    }
    if (last) return std::nullopt;
    rest.remove_prefix(slash + 1);
  }
}

Complaint check_from(std::string_view text) {
  for (const std::string_view store : {"secret:", "ca:"}) {
    if (text.starts_with(store) && !check_name(text.substr(store.size()))) return std::nullopt;
  }
  return "is no source: \"" + quoted(text.substr(0, 80)) +
         "\"; write \"secret:NAME\" or \"ca:NAME\"";
}

Complaint check_root(std::string_view text) {
  return check_line(text, 4096);
}

Complaint check_package(std::string_view text) {
  const bool good = text.size() >= 2 && text.size() <= 128 && is_name_character(text[0]) &&
                    std::all_of(text.begin(), text.end(), [](char c) {
                      return is_name_character(c) || c == '+' || c == '-' || c == '.';
                    });
  if (good) return std::nullopt;
  return "is no package: \"" + quoted(text.substr(0, 80)) + "\"; write a name like \"gcc\"";
}

Complaint check_reason(std::string_view text) {
  return check_line(text, 500);
}

Complaint check_widen_of(std::string_view text) {
  if (auto complaint = check_line(text, 4096)) return complaint;
  const size_t colon = text.find(':');
  if (colon != 0 && colon != std::string_view::npos && colon + 1 < text.size()) return std::nullopt;
  return "names no rule of a parent: \"" + quoted(text.substr(0, 80)) +
         "\"; write PARENT:RULE, like \"base/contractor:session.max_duration\"";
}

}  // namespace carrel::parse
