"""Python source → the same text with strings and comments blanked out, as src/notebooks/python-text.ts has it, and the
places where it reads REQUEST, as request-reading.ts finds them: so that both descriptions of an API say the same."""

import re

TOKEN = re.compile(r"#[^\n]*|(\"\"\"|'''|\"|')|\n|[()\[\]{}]")
# What may end a string, or hide its end.
IN_LINE, IN_TEXT = re.compile(r"\\.|\n|[\"']", re.DOTALL), re.compile(r"\\.|\"\"\"|'''", re.DOTALL)
LOADS = r"(?:json\s*\.\s*)?loads\s*\(\s*REQUEST\s*\)"


class PythonText:
    """`code`: as long as the source, inside of strings and comments blank; `with_strings`: comments alone blank;
    `statements`: (start, code, indent) of each."""

    def __init__(self, source):
        code, with_strings, starts, at, depth = [], [], [0], 0, 0
        match = TOKEN.search(source)
        while match is not None:
            token, before = match.group(), source[at : match.start()]
            code.append(before)
            with_strings.append(before)
            at = match.end()
            if token.startswith("#"):
                code.append(" " * len(token))
                with_strings.append(" " * len(token))
            elif match.group(1) is not None:
                inside, after = string_end(source, at, token)
                code += [token, re.sub(r"[^\n]", " ", source[at:inside]), source[inside:after]]
                with_strings.append(source[match.start() : after])
                at = after
            else:
                code.append(token)
                with_strings.append(token)
                if token == "\n":
                    if depth == 0 and source[at - 2 : at - 1] != "\\":
                        starts.append(at)
                else:
                    depth = max(0, depth + (1 if token in "([{" else -1))
            match = TOKEN.search(source, at)
        code.append(source[at:])
        with_strings.append(source[at:])
        self.code, self.with_strings = "".join(code), "".join(with_strings)
        self.statements = list(statements_of(self.code, starts))


def string_end(source, start, quote):
    for match in (IN_LINE if len(quote) == 1 else IN_TEXT).finditer(source, start):
        if match.group() == quote:
            return match.start(), match.end()
        if match.group() == "\n":
            return match.start(), match.start()
    return len(source), len(source)


def statements_of(code, starts):
    for start, end in zip(starts, [*starts[1:], len(code)]):
        text = code[start:end]
        if text.strip():
            indent = len(text) - len(text.lstrip())
            yield start + indent, text.strip(), indent - (text[:indent].rfind("\n") + 1)


def request_names(texts):
    """Names that hold the whole request anywhere in these texts."""
    return {name for text in texts for name in assigned(text.code, LOADS)}


def assigned(code, expression):
    pattern = rf"(?:^|\n)[ \t]*([A-Za-z_]\w*)[ \t]*=[ \t]*(?:{expression})[ \t]*(?=\n|\Z)"
    return [match.group(1) for match in re.finditer(pattern, code, re.ASCII)]


def request_pattern(names):
    return "(?:" + "|".join([rf"(?<![\w.]){LOADS}", *(rf"(?<![\w.]){name}" for name in sorted(names))]) + r")\s*"


def query_reads(text, names):
    """(name, what stands before, what stands after, by index, source of the default) of each query parameter read."""
    args = request_pattern(names) + r"(?:\[\s*[\"']args[\"']\s*\]|\.\s*get\s*\(\s*[\"']args[\"'][^()]*\))\s*"
    held = rf"(?:^|\n)[ \t]*([A-Za-z_]\w*)[ \t]*=[ \t]*{args}(?=\n|\Z)"
    holders = [rf"(?<![\w.]){each.group(1)}\s*" for each in re.finditer(held, text.with_strings, re.ASCII)]
    pattern = (
        f"(?:{'|'.join([args, *holders])})"
        r"(?:\[\s*([\"'])([^\"'\n]*)\1\s*\]"
        r"|\.\s*get\s*\(\s*([\"'])([^\"'\n]*)\3\s*(,\s*[^()]*(?:\([^()]*\)[^()]*)*)?\))"
    )
    for match in re.finditer(pattern, text.with_strings, re.ASCII):
        if text.code[match.start()] == " ":
            continue
        by_index = match.group(2) is not None
        name = match.group(2) if by_index else match.group(4)
        fallback = re.sub(r"^,\s*", "", match.group(5)).strip() if match.group(5) else None
        yield name, text.with_strings[: match.start()], text.with_strings[match.end() :], by_index, fallback
