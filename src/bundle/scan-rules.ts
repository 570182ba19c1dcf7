/**
 * What must not travel in a hand-out: keys, tokens, passwords that stand in a file; and, in what notebooks printed,
 * what looks like personal data. Pure rules over text; which files are read, and where in them, is for scan.ts.
 */

export interface Rule {
  id: string;
  /** What was found, in words: "a private key". */
  what: string;
  /** With the flags g and u; the first group, where there is one, is the find itself. */
  pattern: RegExp;
  /** False for what only looks like one: a placeholder, an example. */
  counts?: (found: string) => boolean;
}

// Shapes that the issuers themselves document for secret scanners, so that they are found wherever they stand.
const TOKENS: readonly (readonly [what: string, shape: string])[] = [
  ["a GitHub token", "gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,}"],
  ["a GitLab token", "gl(?:pat|dt|rt|ft|soat)-[A-Za-z0-9_-]{20,}"],
  ["an AWS access key", "(?:AKIA|ASIA)[A-Z0-9]{16}"],
  ["a Google API key", "AIza[A-Za-z0-9_-]{35}"],
  ["a Slack token", "xox[abeoprs]-[A-Za-z0-9-]{10,}"],
  ["an npm token", "npm_[A-Za-z0-9]{36}"],
  ["a PyPI token", "pypi-AgE[A-Za-z0-9_-]{50,}"],
  ["a Hugging Face token", "hf_[A-Za-z]{30,}"],
  ["an API key", "sk-(?:ant-|proj-|svcacct-)?[A-Za-z0-9_-]{32,}"],
  ["a payment key", "[rs]k_live_[A-Za-z0-9]{20,}"],
  ["an Azure storage key", "AccountKey=[A-Za-z0-9+/]{60,}={0,2}"],
  ["a Moodle token", "wstoken=[0-9a-f]{32}"],
  ["a signed token (JWT)", "eyJ[A-Za-z0-9_-]{10,}\\.eyJ[A-Za-z0-9_-]{10,}\\.[A-Za-z0-9_-]{10,}"],
];

const NAMES =
  "(?:passw(?:or)?d|passwort|kennwort|passphrase|pwd|secret|api[_-]?key|access[_-]?key|auth[_-]?token|token)";

export const SECRETS: readonly Rule[] = [
  {
    id: "private-key",
    what: "a private key",
    pattern: /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|PuTTY-User-Key-File-\d/gu,
  },
  ...TOKENS.map(([what, shape]) => ({
    id: "token",
    what,
    pattern: new RegExp(`(?<![A-Za-z0-9_-])(?:${shape})(?![A-Za-z0-9])`, "gu"),
  })),
  {
    id: "token",
    what: "a token in an address",
    pattern: /[?&](?:access_)?token=([A-Za-z0-9._~-]{16,})/gu,
    counts: isNoPlaceholder,
  },
  {
    id: "password",
    what: "a password in an address",
    // The password of user:password@host; ${…}, {…} and <…> are filled in later.
    pattern: /\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s/:@"'<>{}$]{1,100}:([^\s/@"'<>{}$]{1,100})@/giu,
    counts: isNoPlaceholder,
  },
  {
    id: "password",
    what: "a password",
    // name = "…", name: '…', "name": "…", name="…"; \" as in JSON that stands in a text.
    pattern: new RegExp(
      `(?<![A-Za-z0-9])(?:[A-Za-z0-9]+[_-])*${NAMES}(?:[_-][a-z0-9]+)?\\\\?["']?\\s{0,5}(?:=|:|=>)\\s{0,5}[rbfu]?\\\\?["']([^"'\\\\\\s]{4,200})\\\\?["']`,
      "giu",
    ),
    counts: isNoPlaceholder,
  },
  {
    id: "password",
    what: "a password",
    // As settings files have it, without quotes: only where the line holds nothing else.
    pattern: /^\s{0,20}(?:export\s)?[A-Z0-9_]*(?:PASSWORD|PASSWD|SECRET|API_KEY|TOKEN)=([^\s"'$<{(]{6,200})\s*$/gmu,
    counts: isNoPlaceholder,
  },
];

/** `own` are the workbench's own patterns (handout.patterns). */
export function personalRules(own: readonly string[]): Rule[] {
  return [
    {
      id: "email-address",
      what: "an e-mail address",
      pattern:
        /(?<![\p{L}\p{N}._%+-])[\p{L}\p{N}._%+-]{1,64}@(?:[\p{L}\p{N}-]{1,63}\.){1,8}\p{L}{2,24}(?![\p{L}\p{N}])/gu,
      counts: isRealAddress,
    },
    {
      id: "student-number",
      what: "a student number",
      pattern:
        /(?<!\p{L})(?:student|matric(?:ulation)?|matrikel|enrol?ment|immatrikulations)[\s_.-]{0,2}(?:id|no|nr|num(?:ber|mer)?)?\.?["']?[\s:=#|]{1,8}["']?([a-z]{0,3}\d{5,10})(?!\d)/giu,
    },
    ...own.map((text) => ({
      id: "own-pattern",
      what: `what handout.patterns names (${text})`,
      pattern: new RegExp(text, "gu"),
    })),
  ];
}

// RFC 2606 and 6761 keep these names for examples: nobody can have an address there.
const RESERVED = /(?:^|[@.])(?:example(?:\.(?:com|org|net|edu))?|test|invalid|localhost)$/i;

function isRealAddress(address: string): boolean {
  return !RESERVED.test(address) && !/^no-?reply@/i.test(address);
}

const PLACEHOLDER =
  /^(?:x+|\*+|\.{3,}|-+|_+|<.*>|\{.*\}|\$.*|%.*%|(?:your|my|the|a|dein|mein)[_ -]?.*|change[_-]?(?:me|it)|.*(?:example|beispiel|placeholder|dummy|redacted|hidden|insert|todo).*|passw(?:or)?d|passwort|secret|token|key|none|null|true|false|undefined|string|str|text|getpass|test(?:ing)?|foo|bar|user)$/i;

function isNoPlaceholder(value: string): boolean {
  return !PLACEHOLDER.test(value);
}
