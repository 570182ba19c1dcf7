/** Catalogs with anything in any place: the property that none of them leads anywhere but into the share. */
import path from "node:path";
import fc from "fast-check";
import { choose, readCatalog } from "../../src/boxes/fetch/upstream.ts";
import { boxPath, partPath } from "../../src/boxes/layout.ts";
import { UserError } from "../../src/errors.ts";

const from = "https://registry.example.test/api/v2/vagrant/lab/tiny";
const url = "https://registry.example.test/tiny.box";
const offered = { name: "virtualbox", url, checksum: "a".repeat(64), checksum_type: "SHA256", architecture: "amd64" };

/** Values that somebody may put anywhere. */
const nasty = fc.oneof(
  fc.constantFrom<unknown>(
    ...[
      "..",
      "../../x",
      "/etc/passwd",
      "\\\\srv\\x",
      "C:/x",
      "con",
      "a\0b",
      "x\ny",
      "%2e%2e/",
      "__proto__",
      "1.0.0/..",
      "",
    ],
    ...[null, true, -1, 1e308, [], {}, [[]], { version: {} }],
  ),
  fc.jsonValue(),
  fc.string({ unit: "binary" }),
);

/** Everything in a catalog that can be another thing. */
function placesOf(data: unknown, at: (string | number)[] = []): (string | number)[][] {
  if (typeof data !== "object" || data === null) return [at];
  return [at, ...Object.entries(data).flatMap(([key, value]) => placesOf(value, [...at, key]))];
}

function put(data: unknown, at: readonly (string | number)[], value: unknown): unknown {
  const [key, ...rest] = at;
  if (key === undefined) return value;
  const copy = Array.isArray(data) ? [...data] : { ...(data as object) };
  Object.defineProperty(copy, key, {
    value: put((data as Record<string, unknown>)[key], rest, value),
    enumerable: true,
    configurable: true,
    writable: true,
  });
  return copy;
}

/** Throws when a mutated catalog leads out of the share, or to a crash. */
export function mutateCatalogs(count: number): string {
  const counts = { refused: 0, read: 0 };
  const providers = [offered, { ...offered, name: "libvirt", architecture: "arm64" }];
  const sound = { name: "lab/tiny", versions: [{ version: "1.0.0", providers }] };
  const places = placesOf(sound);
  const share = path.resolve("/srv/share");
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(places.length - 1), nasty), { minLength: 1, maxLength: 3 }), (changes) => {
      let data: unknown = sound;
      for (const [index, value] of changes)
        try {
          data = put(data, places[index] ?? [], value);
        } catch {
          // That place is gone already.
        }
      let offers: ReturnType<typeof readCatalog>;
      try {
        offers = readCatalog(JSON.stringify(data) ?? "", from, "lab/tiny");
      } catch (error) {
        if (!(error instanceof UserError) || error.code !== "integrity") throw error;
        counts.refused++;
        return;
      }
      counts.read++;
      for (const offer of choose(offers.boxes, { clauses: [], providers: [], archs: [], allVersions: true })) {
        const inside = [boxPath(offer), partPath(offer)].every((file) =>
          path.resolve(share, file).startsWith(`${share}/boxes/lab/tiny/`),
        );
        if (!inside || !/^https?:\/\//.test(offer.url)) throw new Error(`${JSON.stringify(offer)} leads out`);
      }
    }),
    { numRuns: count },
  );
  return `${count} mutated catalogs: ${counts.refused} refused, ${counts.read} read, nothing leads out of the share`;
}
