/** Doors of a share: what they are called, the addresses behind them, and what is refused. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { boxAddress, catalogAddress, doorSlug, normaliseDoor } from "../../src/boxes/doors.ts";
import { nginxConfiguration } from "../../src/boxes/serve/nginx.ts";
import { UserError } from "../../src/errors.ts";

const box = { name: "notebox/debian-13", version: "13.1.0", provider: "virtualbox", arch: "amd64" };
const FOLDER = "boxes/notebox/debian-13/13.1.0/virtualbox-amd64.box";

// Fixed for ever: Vagrantfiles that were handed out name these folders.
const VECTORS = [
  ["/srv/boxes", "-srv-boxes-fe023d54"],
  ["https://boxes.example.edu/", "https---boxes-example-edu-c8c04282"],
  ["http://boxes.example.edu:8080/vagrant", "http---boxes-example-edu-8080-vagrant-277c561d"],
  ["//files.example.edu/boxes", "--files-example-edu-boxes-8c133ff0"],
  ["D:\\boxes", "d--boxes-a843f8aa"],
  ["/mnt/Lehre und Übung", "-mnt-lehre-und--bung-c6ff0056"],
] as const;

describe("names of doors", () => {
  test.each(VECTORS)("%s is %s", (door, slug) => {
    expect(doorSlug(door)).toBe(slug);
  });

  test.each([
    ["https://boxes.example.edu", "HTTPS://Boxes.Example.EDU:443//"],
    ["//files/boxes", "\\\\FILES\\Boxes\\"],
    ["/srv/boxes", "/srv//boxes/"],
    ["c:/boxes", "C:\\Boxes"],
  ])("%s and %s are one door", (one, other) => {
    expect(doorSlug(one)).toBe(doorSlug(other));
  });

  test.each([
    ["/srv/Boxes", "/srv/boxes"],
    ["/srv/a-b", "/srv/a/b"],
    ["https://a.example/Boxes", "https://a.example/boxes"],
    ["http://a.example", "https://a.example"],
  ])("%s and %s are two", (one, other) => {
    expect(doorSlug(one)).not.toBe(doorSlug(other));
  });

  test("a name is a file name everywhere, whatever the door", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
        let slug: string;
        try {
          slug = doorSlug(`/srv/${text}`);
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
          return;
        }
        expect(slug).toMatch(/^[a-z0-9-]{1,170}$/);
      }),
    );
  });
});

describe("addresses", () => {
  const tail = (door: string): string => `catalogs/${doorSlug(door)}/notebox/debian-13.json`;

  test.each([
    ["https://boxes.example.edu/", "https://boxes.example.edu/"],
    ["https://boxes.example.edu/a%20b/", "https://boxes.example.edu/a%20b/"],
    ["https://boxes.example.edu/a b", "https://boxes.example.edu/a%20b/"],
    ["//files/boxes/", "//files/boxes/"],
    ["\\\\files\\our boxes", "//files/our boxes/"],
    ["D:\\boxes", "D:/boxes/"],
    ["/srv/Übung #1", "/srv/Übung #1/"],
    ["/", "/"],
    // Vagrant would take %20 for a blank here.
    ["/srv/100%20", "file:///srv/100%2520/"],
  ])("of the catalog behind %s", (door, start) => {
    expect(catalogAddress(door, "notebox/debian-13")).toBe(`${start}${tail(door)}`);
  });

  test.each([
    ["https://boxes.example.edu/a b/", `https://boxes.example.edu/a%20b/${FOLDER}`],
    ["//files/our boxes", `file:////files/our%20boxes/${FOLDER}`],
    ["\\\\files\\Übung", `file:////files/%C3%9Cbung/${FOLDER}`],
    ["D:\\boxes", `file:///D:/boxes/${FOLDER}`],
    ["/srv/a #1?", `file:///srv/a%20%231%3F/${FOLDER}`],
    ["/", `file:///${FOLDER}`],
  ])("of a box behind %s are absolute and encoded", (door, address) => {
    expect(boxAddress(door, box)).toBe(address);
  });
});

describe("no doors", () => {
  test.each([
    "boxes",
    "./boxes",
    "../boxes",
    "C:",
    "C:boxes",
    "//files",
    "ftp://files/boxes",
    "file:///srv",
    "https://",
    "",
    "/srv/../etc",
    "/a\nb",
    "https://a.example/?x",
    "https://a.example/#x",
  ])("%j", (door) => {
    expect(() => normaliseDoor(door)).toThrow(UserError);
  });

  test.each(["https://me:secret@boxes.example.edu/", "https://me@boxes.example.edu", "//me:secret@files/boxes"])(
    "%s gives a password away, and the message does not",
    (door) => {
      try {
        normaliseDoor(door);
        expect.unreachable();
      } catch (error) {
        expect(error).toMatchObject({ code: "usage" });
        expect(JSON.stringify(error) + String(error)).not.toContain("secret");
        expect(String(error)).toContain("password");
      }
    },
  );
});

test("nginx: a door whose path is no UTF-8 is refused with words", () => {
  expect(() => nginxConfiguration("/srv/boxes", ["https://b.example/%E4"])).toThrow(/no UTF-8/);
  expect(nginxConfiguration("/srv/boxes", ["https://b.example/%C3%A4"]).configuration).toContain('location "/ä/"');
});
