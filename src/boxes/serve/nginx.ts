/**
 * The configuration with which nginx serves a share as `box serve` does: the same addresses, catalogs for the host
 * that was asked, no 416. Pure text. Where it differs: it serves the catalogs of one http door, which it rewrites.
 */
import path from "node:path";
import { UserError } from "../../errors.ts";
import { doorSlug, parseDoor } from "../doors.ts";
import { SHARE_FILE } from "../layout.ts";

/** A part of a path: no dot at the beginning, so neither . nor .. nor a hidden file. */
const PART = "[^/.][^/]*";
const BOX_FILE = "[a-z][a-z0-9_]*-[a-z0-9_]+";
const PROVIDER_AND_ARCH = "(?<notebox_p>[a-z][a-z0-9_]*)/(?<notebox_a>[a-z0-9_]+)/vagrant\\.box";
const BOX = `/boxes/${PART}/${PART}/${PART}/${BOX_FILE}\\.box`;

/** For the first http door of the share. Throws UserError `invalid` when there is none, or no way to write the path. */
export function nginxConfiguration(share: string, doors: readonly string[]): { door: string; configuration: string } {
  const door = doors.find((text) => parseDoor(text).kind === "http");
  if (door === undefined)
    throw new UserError({
      code: "invalid",
      message: "The share has no http door, so there are no catalogs that a web server could give out.",
      hint: `Add its address first: notebox box rebase --share ${share} --add http://SERVER/`,
    });
  if ([...share].some((char) => char < " "))
    throw new UserError({
      code: "invalid",
      message: "nginx takes no path with a control character in it.",
      hint: "Name the share's folder otherwise.",
    });
  if (!isUtf8(new URL(door).pathname))
    throw new UserError({
      code: "invalid",
      message: `nginx takes no path like that of the door ${door}: what its % stand for is no UTF-8.`,
      hint: "Write the door's path in UTF-8 (ä is %C3%A4): `notebox box rebase --replace OLD NEW`.",
    });
  return { door, configuration: configuration(share, door) };
}

function isUtf8(path: string): boolean {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
}

function configuration(share: string, door: string): string {
  const url = new URL(door);
  const prefix = url.pathname.replace(/\/$/, "");
  const root = share.split(path.sep).join("/");
  const catalogs = `/catalogs/${doorSlug(door)}`;
  return `# A share of Vagrant boxes, read-only, as \`notebox box serve\` does it. For nginx 1.18 or newer with its sub module
# (nginx -V names http_sub_module). Include it at the level of http, for instance as /etc/nginx/conf.d/boxes.conf.

# nginx has no other way to write a dollar sign.
geo $notebox_dollar { default "$"; }

server {
${listening(url)}
    root ${quoted(root)};
    # No path leaves the share, by a link either.
    disable_symlinks on from=$document_root;
    sendfile on;
    tcp_nopush on;
    charset off;
    gzip off;
    types { }
    default_type application/json;

    if ($request_method !~ "^(GET|HEAD)$") { return 405; }
${prefixRules(prefix)}
    # Vagrant asks a registry for OWNER/NAME, from 2.4 on for api/v2/vagrant/OWNER/NAME too (VAGRANT_SERVER_URL).
    location ~ "^/(?:api/v2/vagrant/)?(?<notebox_asked>${PART}/${PART})$" {
        rewrite ^ ${literal(`${catalogs}/$notebox_asked.json`)} last;
    }
    location ~ "^/(?<notebox_o>${PART})/boxes/(?<notebox_n>${PART})/versions/(?<notebox_v>${PART})/providers/${PROVIDER_AND_ARCH}$" {
        rewrite ^ /boxes/$notebox_o/$notebox_n/$notebox_v/$notebox_p-$notebox_a.box last;
    }
    location ~ "^/(?<notebox_o>${PART})/boxes/(?<notebox_n>${PART})/versions/(?<notebox_v>${PART})/providers/(?<notebox_p>[a-z][a-z0-9_]*)\\.box$" {
        rewrite ^ /boxes/$notebox_o/$notebox_n/$notebox_v/$notebox_p-amd64.box last;
    }

    # Addresses in a catalog are absolute; they get the host that was asked. The content type must be exactly this.
    location ~ "^/catalogs/${PART}/(?<notebox_name>${PART}/${PART})\\.json$" {
        try_files ${literal(`${catalogs}/$notebox_name.json`)} =404;
        sub_filter_types application/json;
        sub_filter_once off;
        sub_filter ${quoted(`"${door}/`)} "\\"$scheme://$http_host${quoted(`${prefix}/`).slice(1)};
    }

    # Vagrant asks for "the rest" of a box that it has whole; told 416, it would not install it for a day. It is sent on
    # to where there are no ranges: an answer in place would carry the 416's Content-Range, which misleads curl.
    location ~ "^${BOX}$" {
        default_type application/octet-stream;
        error_page 416 =302 $scheme://$http_host${quoted(`${prefix}/whole`).slice(1, -1)}$uri;
    }
    location ~ "^/whole(?<notebox_box>${BOX})$" {
        default_type application/octet-stream;
        max_ranges 0;
        try_files $notebox_box =404;
    }
    location ~ "^/boxes/${PART}/${PART}/${PART}/${BOX_FILE}\\.json$" { }
    location = /${SHARE_FILE} { }
    location / { return 404; }
}
`;
}

function listening(url: URL): string {
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  const name = `    server_name ${quoted(url.hostname)};`;
  if (url.protocol === "http:") return `    listen ${port};\n${name}`;
  return `    listen ${port} ssl;
${name}
    # Where this server's certificate and its key are:
    ssl_certificate "/etc/ssl/certs/boxes.pem";
    ssl_certificate_key "/etc/ssl/private/boxes.key";`;
}

/** A door below a path: the path is taken off, and everything is as without. nginx compares decoded paths. */
function prefixRules(prefix: string): string {
  if (prefix === "") return "";
  const decoded = decodeURIComponent(prefix);
  const pattern = `^${decoded.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}(/.*)$`;
  return `
    location ${quoted(`${decoded}/`)} { rewrite ${literal(pattern)} $1 last; }
`;
}

/** With variables left alone: in regular expressions a dollar sign is no variable's. */
function literal(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

function quoted(text: string): string {
  return literal(text).replaceAll("$", "$\u007bnotebox_dollar}");
}
