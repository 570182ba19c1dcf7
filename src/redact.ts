/**
 * Takes secrets out of text before it is written or shown: tokens, passwords in addresses, private keys and
 * the home folder's name. Pure; the run log and `notebox logs` use it, each with the secrets it knows of.
 */

const MARK = "[redacted]";

// What settings call a secret, with whatever stands before it: JUPYTER_TOKEN, db_password, wstoken.
const NAMED =
  "[A-Za-z0-9_.-]*(?:token|passw(?:or)?d|passwort|kennwort|passphrase|secret|(?:api|access|secret|private)[_-]?key)";

const PATTERNS: readonly (readonly [RegExp, string])[] = [
  // A whole key on one line (JSON text has \n in it), a token in a query or a setting, in JSON (also inside a text), alone
  // in a line of YAML or of a settings file, in a header, a password in an address, tokens by their shape, bare hex.
  [/-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|$)/g, MARK],
  [new RegExp(`(?<![A-Za-z0-9_.-])(${NAMED})(=|%3D)[^\\s&#"'<>]+`, "gi"), `$1$2${MARK}`],
  [new RegExp(`(["']${NAMED}\\\\?["']\\s*:\\s*\\\\?["'])[^"'\\\\]+`, "gi"), `$1${MARK}`],
  [new RegExp(`(?<![^\\n])([ \\t]*(?:- )?${NAMED}[ \\t]*[:=][ \\t]+)[^ \\t\\r\\n][^\\r\\n]*`, "gi"), `$1${MARK}`],
  [/\b(authorization["']?\s*[:=]\s*["']?(?:token|bearer|basic))\s+[^\s"',]+/gi, `$1 ${MARK}`],
  [/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@"'<>]+@/gi, `$1${MARK}@`],
  [
    /(?<![A-Za-z0-9_-])(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{20,}|hf_[A-Za-z0-9]{20,}|xox[abeoprs]-[A-Za-z0-9-]{10,}|sk-[A-Za-z0-9_-]{32,}|(?:AKIA|ASIA)[A-Z0-9]{16}|eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_.-]{10,})/g,
    MARK,
  ],
  [/\b[0-9a-f]{32,}\b/gi, MARK],
];

/** Who and what must not be named in what goes to somebody else. */
export interface Names {
  /** Account names of the person. */
  users: readonly string[];
  /** Names of this computer; those in addresses are found by themselves. */
  hosts: readonly string[];
}

// Hosts of addresses and of UNC paths.
const HOSTS: readonly RegExp[] = [
  /\b(?:https?|ftp|ssh|smb):\/\/(?:\[redacted\]@)?([A-Za-z0-9.-]+)/gi,
  /\bfile:(?:\/\/|\/{4,5})([A-Za-z0-9][A-Za-z0-9.-]+)(?=\/)/gi,
  /(?<![:\w/\\])(?:\/\/|\\{2,4})([A-Za-z0-9][A-Za-z0-9.-]+)(?=[/\\])/g,
];
// This computer itself, the addresses that every VM has, and names that are nobody's.
const OPEN =
  /^(?:localhost|127(?:\.\d+){3}|10\.0\.2\.\d+|192\.168\.121\.\d+|.*\.example\.(?:com|org|edu)|vagrantcloud\.com)$/i;

export interface Redactor {
  /** From now on this text never passes. Very short texts are ignored: they would blot out innocent words. */
  add(secret: string): void;
  /**
   * Text without secrets. A key that comes line by line is blotted out from its first line to its last,
   * so give the lines of one stream in their order.
   */
  clean(text: string): string;
}

/**
 * For what leaves this computer: as createRedactor, and without the names of people and computers (but those of one or
 * two letters, which would take innocent words with them). A computer's name
 * keeps a stand-in ([host-1]), so that it can still be told where two lines mean the same. What launchers save is
 * cleaned by templates/vagrant/redactor.rb; a test compares the two.
 */
export function createNameRedactor(homeDir: string, names: Names): Pick<Redactor, "clean"> {
  const home = homePattern(homeDir);
  const aliases = new Map<string, string>();
  const note = (host: string): void => {
    const key = host.toLowerCase();
    if (!OPEN.test(host) && !aliases.has(key)) aliases.set(key, `[host-${aliases.size + 1}]`);
  };
  for (const host of names.hosts) if (host.trim().length > 2) note(host.trim());
  const users = [...new Set(names.users.map((user) => user.trim()))].filter(
    (user) => user.length > 2 && user !== "root",
  );
  return {
    clean(text) {
      let clean = text;
      for (const [pattern, replacement] of PATTERNS) clean = clean.replace(pattern, replacement);
      if (home !== undefined) clean = clean.replace(home, "~");
      for (const pattern of HOSTS) for (const match of clean.matchAll(pattern)) note(match[1] ?? "");
      for (const [host, alias] of [...aliases].sort(([a], [b]) => b.length - a.length))
        clean = clean.replace(byItself(host), alias);
      for (const user of users) clean = clean.replace(byItself(user), "[user]");
      return clean;
    },
  };
}

/** The name as a word: anna, but not annabel. */
function byItself(name: string): RegExp {
  return new RegExp(`(?<![\\p{L}\\p{N}])${name.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&")}(?![\\p{L}\\p{N}])`, "giu");
}

/** `homeDir` is shown as `~`, whatever slashes a program writes it with. */
export function createRedactor(homeDir: string): Redactor {
  const secrets = new Set<string>();
  const home = homePattern(homeDir);
  let insideKey = false;
  return {
    add(secret) {
      if (secret.length >= 6) secrets.add(secret);
    },
    clean(text) {
      let clean = text;
      for (const secret of secrets) clean = clean.split(secret).join(MARK);
      if (insideKey) {
        const end = /-----END [A-Z0-9 ]*PRIVATE KEY-----/.exec(clean);
        if (end === null) return MARK;
        insideKey = false;
        clean = clean.slice(end.index + end[0].length);
      }
      insideKey = opensKey(clean);
      for (const [pattern, replacement] of PATTERNS) clean = clean.replace(pattern, replacement);
      return home === undefined ? clean : clean.replace(home, "~");
    },
  };
}

function opensKey(text: string): boolean {
  const begin = text.lastIndexOf("-----BEGIN ");
  return begin >= 0 && /PRIVATE KEY-----/.test(text.slice(begin)) && !/-----END /.test(text.slice(begin));
}

function homePattern(homeDir: string): RegExp | undefined {
  const parts = homeDir.split(/[\\/]+/).filter((part) => part !== "");
  if (parts.length === 0) return undefined;
  const quoted = parts.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  // C:\Users\anna is also written C:/Users/anna, C:\\Users\\anna (inside quotes) and /c/Users/anna (by MSYS).
  const drive = /^([A-Za-z]):$/.exec(parts[0] ?? "");
  const slash = "(?:/|\\\\+)";
  const body = drive
    ? `(?:${drive[1]}:|[/\\\\]${drive[1]})${slash}${quoted.slice(1).join(slash)}`
    : `[/\\\\]${quoted.join(slash)}`;
  return new RegExp(`(?<![A-Za-z0-9_.-])${body}(?![A-Za-z0-9_-])`, drive ? "gi" : "g");
}
