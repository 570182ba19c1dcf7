/**
 * The service `mongodb`: MongoDB for notebooks. No distribution has its server and notebox names no address for it, so the
 * workbench says where it comes from.
 */
import * as z from "zod";
import { notApplicable } from "../../checks/check.ts";
import { databaseFacts, databaseQuestion, dataIsLoaded, judgeLogin, judgeQuery } from "../../checks/database-checks.ts";
import type { KindChecks, ServiceContext } from "../../checks/kind-checks.ts";
import { aptComplaint } from "../../workbench/requirement.ts";
import type { Complaint } from "../../workbench/units.ts";
import { checkedText, listOf, port } from "../../workbench/values.ts";
import { type AnyService, defineKind, type Lack } from "../kind.ts";

export interface MongodbService extends AnyService {
  kind: "mongodb";
  database: string;
  source?: { apt: string; key: string; packages: readonly string[] };
}

const INNER_PORT = 27017;

/** deb, perhaps the machine's kind, an address, a suite, components: what the guest writes into apt's own form. */
const APT_LINE =
  /^deb +(?:\[ *arch=([a-z0-9]+(?:,[a-z0-9]+)*) *\] +)?(https?:\/\/[A-Za-z0-9.-]+(?::\d+)?\/[A-Za-z0-9._~/+-]*) +([A-Za-z0-9._/-]+)((?: +[a-z0-9._-]+)*)$/;

const source = z
  .strictObject({
    apt: checkedText(aptLineComplaint, {
      description: "Line of the package source that has the server, as apt writes it.",
      examples: ["deb https://boxes.example.edu/mongodb bookworm/mongodb-org/8.0 main"],
      maxLength: 300,
    }),
    key: checkedText(keyComplaint, {
      description: "File beside workbench.yaml with the key that signs the source.",
      examples: ["mongodb.asc"],
      pattern: "^[A-Za-z0-9][A-Za-z0-9._-]*\\.(asc|gpg)$",
      maxLength: 64,
    }),
    packages: listOf(
      checkedText(aptComplaint, { description: "Name of a package.", examples: ["mongodb-org-server"] }),
      10,
      "The packages that hold mongod, mongodump and mongorestore.",
    ).default(["mongodb-org-server", "mongodb-database-tools"]),
  })
  .meta({ description: "Where the server comes from; without it, `up` refuses." });

const database = checkedText(databaseComplaint, {
  description: "Name of the database.",
  examples: ["workbench"],
  pattern: "^[a-z][a-z0-9_]{0,39}$",
  maxLength: 40,
});

export const kind = defineKind({
  kind: "mongodb",
  description:
    "A MongoDB database for the notebooks, from a source that you name; sample data comes from the folder mongo.",
  options: {
    source: source.optional(),
    port: port
      .meta({ description: "Port on this computer, for programs outside the VM; without one only the VM reaches it." })
      .optional(),
    database: database.default("workbench"),
  },
  // One MONGO_URL.
  single: true,
  // Its cache is set to 256 MiB; the rest is the server and its sessions.
  memoryMiB: () => 400,
  resolve: (name, options): MongodbService => ({
    kind: "mongodb",
    name,
    ...(options.port === undefined ? { innerPort: INNER_PORT } : { port: options.port }),
    database: options.database,
    ...(options.source === undefined ? {} : { source: options.source }),
  }),
  scheme: "mongodb",
  packages: ({ source }) => ({ apt: source?.packages ?? [], python: ["pymongo"] }),
  folders: () => ["mongo"],
  files: ({ source }) => (source === undefined ? [] : [source.key]),
  data,
  lacks,
  checks,
});

/** Flat, because the step that reads it runs before the packages are installed, Python among them. */
function data({ name, port, innerPort, database, source }: MongodbService): object {
  const [, machines, address, suite, components] = APT_LINE.exec(source?.apt ?? "") ?? [];
  return {
    ...{ kind: "mongodb", name, port, innerPort, database },
    ...{ aptAddress: address, aptSuite: suite, aptComponents: components?.trim(), aptMachines: machines },
    key: source?.key,
  };
}

function lacks({ source }: MongodbService): Lack | undefined {
  if (source !== undefined) return undefined;
  return {
    message: "No distribution has MongoDB's server, and no source: says where it comes from.",
    hint: "Name the package source and its key file, source: { apt: deb …, key: mongodb.asc }; or take kind: postgres, whose JSONB columns hold documents as well (docs/databases.md).",
  };
}

function checks({ service: { name }, unit, outside, kernel, told }: ServiceContext<MongodbService>): KindChecks {
  const needs = [...outside.needs, ...(kernel?.needs ?? [])];
  const facts = databaseFacts(kernel, databaseQuestion(PYTHON));
  const none = notApplicable("the workbench has no Jupyter, in whose kernels this is asked");
  const inKernel = { needs, suspects: outside.suspects, costly: true };
  return {
    checks: [dataIsLoaded({ name, unit, folder: "mongo", suspects: outside.suspects, told })],
    after: [
      {
        id: `query.${name}`,
        title: `A notebook asks ${name} and inserts a document`,
        ...inKernel,
        ask: async () => judgeQuery(await facts(), { name, none }),
      },
      {
        id: `login.${name}`,
        title: `${name} refuses whoever has no password`,
        ...inKernel,
        ask: async () => judgeLogin(await facts(), { name, none }),
      },
    ],
  };
}

function aptLineComplaint(value: string): Complaint | undefined {
  const hint = "Write it like deb https://boxes.example.edu/mongodb bookworm/mongodb-org/8.0 main.";
  if (value.length <= 300 && APT_LINE.test(value)) return undefined;
  if (/trusted/.test(value)) return { message: "must not call an unsigned source trusted", hint };
  return { message: "is not the line of a package source", hint };
}

function keyComplaint(value: string): Complaint | undefined {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,59}\.(asc|gpg)$/.test(value)) return undefined;
  return { message: "is not the name of a key file", hint: "Put the file beside workbench.yaml: mongodb.asc or .gpg." };
}

function databaseComplaint(value: string): Complaint | undefined {
  if (/^[a-z][a-z0-9_]{0,39}$/.test(value) && !/^(admin|config|local|test)$/.test(value)) return undefined;
  const hint = "Use a-z, 0-9 and _, beginning with a letter, at most 40 of them; not admin, config, local or test.";
  return { message: "is not the name of a database", hint };
}

/** What a notebook does: it connects by its environment alone. Leaves nothing behind. */
const PYTHON = `
import pymongo
options = {"serverSelectionTimeoutMS": 10000}
url = os.environ["MONGO_URL"]
client = pymongo.MongoClient(url, **options)
facts["version"] = "MongoDB " + client.server_info()["version"]
table = client.get_default_database()["notebox_verify_" + mark]
try:
    facts["query"] = table.count_documents({}) == 0
    table.insert_one({"n": 42})
    facts["insert"] = pymongo.MongoClient(url, **options).get_default_database()[table.name].find_one()["n"] == 42
finally:
    table.drop()
account, _, place = url.partition("://")[2].partition("@")
user, _, password = account.partition(":")
for words, wrong in (("without a password", "mongodb://" + place), ("with a wrong password", "mongodb://" + user + ":x" + password + "@" + place)):
    try:
        pymongo.MongoClient(wrong, **options).get_default_database().list_collection_names()
        facts["open"] = words
    except pymongo.errors.OperationFailure as error:
        facts["refused"] = str(error).split(", full error")[0]
`;
