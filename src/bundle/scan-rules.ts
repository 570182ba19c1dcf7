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
  /** Where it counts, by the file's path; else everywhere. */
  files?: RegExp;
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

// With whatever stands before it: db_password, accessToken, AWS_SECRET_ACCESS_KEY; but no compass.
const NAMES =
  "(?<![A-Za-z0-9_-])(?:[A-Za-z0-9_-]{0,60}(?:passw(?:or)?d|passwort|kennwort|passphrase|secret|(?:api|access|secret)[_-]?key|token)|(?:[A-Za-z0-9]+[_-]){0,5}(?:pwd|pass))";

/** Files that hold settings line by line, in which a value needs no quotes. */
const SETTINGS =
  /(?:^|\/)(?:\.env[^/]*|[^/]*\.(?:env|ini|cfg|conf|cnf|properties|toml|ya?ml)|credentials|config|\.pypirc|\.npmrc|\.my\.cnf)$/i;

/** Programs keep keys in files of these kinds; what is in them is no text. */
export const KEY_STORES = /\.(?:p12|pfx|jks|keystore|kdbx)$/i;

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
    // name = "…", name: '…', "name": "…", name="…", environ["name"] = "…"; \" as in JSON that stands in a text.
    pattern: new RegExp(
      `${NAMES}(?:[_-][a-z0-9]+)?\\\\?["']?\\]?\\s{0,5}(?:=|:|=>)\\s{0,5}[rbfu]?\\\\?["']([^"'\\\\\\s]{4,200})\\\\?["']`,
      "giu",
    ),
    counts: isNoPlaceholder,
  },
  {
    id: "password",
    what: "a password",
    // As settings files have it, without quotes: only where the line holds nothing else.
    pattern:
      /^\s{0,20}(?:export\s)?[A-Z0-9_]*(?:PASSWORD|PASSWD|SECRET|(?:API|ACCESS|SECRET)_KEY|TOKEN)=([^\s"'$<{(]{6,200})\s*$/gmu,
    counts: isNoPlaceholder,
  },
  {
    id: "password",
    what: "a password",
    // In a notebook's %env line, in a shell's or Windows' command.
    pattern: new RegExp(
      `^[ \\t]{0,20}(?:[%!][ \\t]{0,5})?(?:env|export|set)[ \\t]{1,5}${NAMES}[ \\t]{0,5}[= ][ \\t]{0,5}([^\\s"'$<{(%][^\\s"']{3,200})[ \\t]*$`,
      "gimu",
    ),
    counts: isNoPlaceholder,
  },
  {
    id: "password",
    what: "a password",
    files: SETTINGS,
    pattern: new RegExp(
      `^[ \\t]{0,40}(?:- )?${NAMES}[ \\t]{0,20}[:=][ \\t]{0,20}([^\\s"'$<{(\\[!&*|>%,#][^\\s"',]{3,200})[ \\t]*(?:#.*)?$`,
      "gimu",
    ),
    counts: isNoPlaceholder,
  },
  {
    id: "password",
    what: "a password",
    files: /(?:^|\/)[._]netrc$/i,
    pattern: /\bpassword\s{1,20}(\S{4,200})/giu,
    counts: isNoPlaceholder,
  },
  {
    id: "password",
    what: "a password",
    files: /(?:^|\/)\.?pgpass(?:\.conf)?$/i,
    pattern: /^(?:[^:#\n]{1,200}:){4}(.{4,200})$/gmu,
    counts: isNoPlaceholder,
  },
  {
    id: "password",
    what: "a password in a command",
    pattern: /\b(?:curl|wget)\b[^\n]{0,300}?\s(?:-u|--user)[ =]?["']?[^\s:"'$]{1,100}:([^\s"'$<{]{4,200})/gu,
    counts: isNoPlaceholder,
  },
  {
    id: "token",
    what: "a token in a header",
    pattern:
      /authorization\\?["']?\s{0,5}[:=,]\s{0,5}[rbf]?\\?["']?(?:bearer|token|basic)\s{1,5}([A-Za-z0-9._~+/=-]{8,})/giu,
    counts: isNoPlaceholder,
  },
  {
    id: "token",
    what: "a Kaggle key",
    pattern: /["']key\\?["']\s{0,5}:\s{0,5}\\?["']([0-9a-f]{32})\\?["']/gu,
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

// plot@2x.png, numpy@2.1.0.tgz: no domain of the highest level is called so.
const NO_DOMAIN = /\.(?:png|jpe?g|gif|svg|webp|pdf|tgz|tar|gz|bz2|xz|whl|csv|txt|json|ipynb|js|mjs|css|html?)$/i;

function isRealAddress(address: string): boolean {
  return !RESERVED.test(address) && !/^(?:no-?reply|git)@/i.test(address) && !NO_DOMAIN.test(address);
}

const PLACEHOLDER =
  /^(?:x+|\*+|\.{3,}|-+|_+|<.*>|\{.*\}|\$.*|%.*%|(?:your|dein).*|(?:my|the|a|an|mein)[_ -].*|change[_-]?(?:me|it)|.*(?:example|beispiel|placeholder|dummy|redacted|hidden|insert|todo).*|my(?:password|secret|token|key)|pass|passw(?:or)?d|passwort|secret|token|key|none|null|true|false|undefined|string|str|text|getpass|test(?:ing)?|foo|bar|user)$/i;

function isNoPlaceholder(value: string): boolean {
  return !PLACEHOLDER.test(value);
}
