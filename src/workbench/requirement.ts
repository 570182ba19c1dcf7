/**
 * Package names: apt's (Debian policy §5.6.7) and Python requirements (PEP 508, without addresses and without
 * pip's options). Says what is wrong with one; whether such a package exists is for apt and pip.
 */
import type { Complaint } from "./units.ts";

/** What is wrong with the name of a Debian package. */
export function aptComplaint(value: string): Complaint | undefined {
  const hint = "Write package names only, such as graphviz.";
  if (value.length > 100) return { message: "is longer than 100 characters", hint };
  // apt-get takes a name that ends with - as an order to remove the package.
  if (!/^[a-z0-9][a-z0-9+.-]*[a-z0-9+.]$/.test(value)) return { message: "is not the name of a Debian package", hint };
  return undefined;
}

const NAME = "[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?";
// PEP 440, appendix B; pip refuses all else, and so takes no other package either.
const RELEASE = "v?(?:[0-9]+!)?[0-9]+(?:\\.[0-9]+)*";
const SUFFIX =
  "(?:[._-]?(?:a|b|c|rc|RC|alpha|beta|pre|preview)[._-]?[0-9]*)?(?:-[0-9]+|[._-]?(?:post|rev|r)[._-]?[0-9]*)?(?:[._-]?dev[._-]?[0-9]*)?";
const LOCAL = "(?:\\+[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*)?";
const CLAUSE = `(?:(?:==|!=) *${RELEASE}(?:\\.\\*|${SUFFIX}${LOCAL})|(?:<=|>=|<|>) *${RELEASE}${SUFFIX}|~= *${RELEASE}\\.[0-9]+${SUFFIX}|=== *[A-Za-z0-9_.*+!-]+)`;
const QUOTED = `(?:"[A-Za-z0-9 _.*+!-]*"|'[A-Za-z0-9 _.*+!-]*')`;
const VARIABLE =
  "(?:python_version|python_full_version|os_name|sys_platform|platform_release|platform_system|platform_version|" +
  "platform_machine|platform_python_implementation|implementation_name|implementation_version|extra)";
const OPERATOR = "(?:~=|===|==|!=|<=|>=|<|>| in | not in )";
const COMPARISON = `\\(?(?:${VARIABLE} *${OPERATOR} *${QUOTED}|${QUOTED} *${OPERATOR} *${VARIABLE})\\)?`;
const REQUIREMENT = new RegExp(
  `^${NAME} *(?:\\[ *${NAME}(?: *, *${NAME})* *\\])? *(?:${CLAUSE}(?: *, *${CLAUSE})*|\\( *${CLAUSE}(?: *, *${CLAUSE})* *\\))?` +
    `(?: *; *${COMPARISON}(?: +(?:and|or) +${COMPARISON})*)?$`,
);

/** What is wrong with a Python requirement. */
export function requirementComplaint(value: string): Complaint | undefined {
  const hint = 'Write a name, and versions if they matter: pandas, "pandas>=2,<3".';
  if (value.length > 300) return { message: "is longer than 300 characters", hint };
  if (value.startsWith("-")) {
    return {
      message: "is an option of pip, not a package",
      hint: "Settings of pip (an index, a proxy) come from the computer that runs the VM; leave them out here.",
    };
  }
  if (/^[a-z+]+:\/\/|@|^\.{0,2}\//.test(value)) {
    return {
      message: "is an address or a file, not a package with a version",
      hint: "Put the wheel into the folder wheels/ beside workbench.yaml and write the package's name here.",
    };
  }
  if (REQUIREMENT.test(value)) return undefined;
  if (/[<>~] *=? *[0-9.]+\.\*/.test(value))
    return { message: "has .* where a version cannot have it", hint: "Write pandas>=2 or pandas==2.*, say." };
  const assigned = /^([A-Za-z0-9._-]+) *=? *([0-9][A-Za-z0-9.]*)$/.exec(value);
  return {
    message: "is not a Python requirement",
    hint: assigned ? `Did you mean ${assigned[1]}==${assigned[2]}?` : hint,
  };
}
