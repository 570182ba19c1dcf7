/**
 * templates/vagrant/*.rb → the one Ruby file beside the Vagrantfile. The parts are kept apart for whoever changes them;
 * who gets the bundle has one file to trust, to scan and to lose. What the parts do is theirs.
 */

const HEAD = `# What runs beside the Vagrantfile. Put together from the parts of templates/vagrant/ of notebox; each stands under its
# name, after those that it needs. Change workbench.yaml, not this file.
`;
const NEEDS = /^require_relative "(\w+)"\n/gm;

/** `parts` are contents by file name. Throws for a part that is not there, and for parts that need each other. */
export function joinRuby(parts: ReadonlyMap<string, string>): string {
  const names = inOrder(parts);
  const bodies = names.map((name) => `\n# ---- ${name} ----\n\n${withoutNeeds(parts.get(name) ?? "")}`);
  return `${HEAD}${bodies.join("")}`;
}

/** Each after what it requires, by name where that leaves it open. */
function inOrder(parts: ReadonlyMap<string, string>): string[] {
  const done: string[] = [];
  const visit = (name: string, above: readonly string[]): void => {
    if (done.includes(name)) return;
    const text = parts.get(name);
    if (text === undefined) throw new Error(`templates/vagrant/${name} is not in the package`);
    if (above.includes(name)) throw new Error(`templates/vagrant/${name} needs itself: ${above.join(", ")}`);
    for (const [, needed] of text.matchAll(NEEDS)) visit(`${needed}.rb`, [...above, name]);
    done.push(name);
  };
  for (const name of [...parts.keys()].sort()) visit(name, []);
  return done;
}

function withoutNeeds(text: string): string {
  return text.replace(NEEDS, "").replace(/\n{3,}/g, "\n\n");
}
