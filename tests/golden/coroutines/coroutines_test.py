"""What is awaited gets a name before anything depends on it: g++ 12.2 miscompiles an await within a condition, or as the only
statement of an `if` without braces (GCC bugs 106188, 106713), and destroys temporaries of an awaited expression twice (99576).
launcher/gateway/relay/task.h says so, too."""
import pathlib
import re
import sys


def mistakes(text):
    """Lines with such an await. Comments are none."""
    text = re.sub(r"//[^\n]*", "", text)
    found = []
    for match in re.finditer(r"\b(if|while|for|switch)\s*\(", text):
        depth, at = 1, match.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(text[at], 0)
            at += 1
        rest = text[at:].lstrip()
        if "co_await" in text[match.end():at] or rest.startswith(("co_await", "co_return co_await", "(void)co_await")):
            found.append(text.count("\n", 0, match.start()) + 1)
    found += [text.count("\n", 0, match.start()) + 1 for match in re.finditer(r"(&&|\|\||\?)\s*!?co_await", text)]
    # A temporary made in place: braces, or a lambda, within what is awaited.
    found += [text.count("\n", 0, match.start()) + 1 for match in re.finditer(r"co_await [^;]*[({,]\s*[{\[]", text)]
    return sorted(set(found))


assert mistakes("if (!co_await x) y();") == [1]
assert mistakes("\nif (z) co_await x;") == [2]
assert mistakes("a = b && co_await c;") == [1]
assert mistakes("co_await deny(x, {502, text()});") == [1]
assert mistakes("const bool x = co_await y;\nif (z) {\n  co_await x; // if (co_await)\n}") == []
sources = sorted(pathlib.Path(sys.argv[1]).rglob("*.cc"))
assert any("co_await" in path.read_text() for path in sources)
wrong = [f"{path}:{line}" for path in sources for line in mistakes(path.read_text())]
assert not wrong, "co_await within a condition: " + ", ".join(wrong)
