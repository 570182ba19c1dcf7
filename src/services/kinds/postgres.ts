/** The service `postgres`: the distribution's PostgreSQL, for notebooks; for programs of this computer, too, with a port. */
import { notApplicable } from "../../checks/check.ts";
import { databaseFacts, databaseQuestion, dataIsLoaded, judgeLogin, judgeQuery } from "../../checks/database-checks.ts";
import type { KindChecks, ServiceContext } from "../../checks/kind-checks.ts";
import type { Complaint } from "../../workbench/units.ts";
import { checkedText, port } from "../../workbench/values.ts";
import { type AnyService, defineKind } from "../kind.ts";

export interface PostgresService extends AnyService {
  kind: "postgres";
  /** Name of the database, and of the role that owns it. */
  database: string;
}

/** Where PostgreSQL listens by itself. */
const INNER_PORT = 5432;

const database = checkedText(databaseComplaint, {
  description: "Name of the database and of its owner.",
  examples: ["workbench"],
  pattern: "^[a-z][a-z0-9_]{0,39}$",
  maxLength: 40,
});

export const kind = defineKind({
  kind: "postgres",
  description: "A PostgreSQL database for the notebooks; sample data comes from the folder sql.",
  options: {
    port: port
      .meta({ description: "Port on this computer, for programs outside the VM; without one only the VM reaches it." })
      .optional(),
    database: database.default("workbench"),
  },
  // One set of PG* variables.
  single: true,
  memoryMiB: () => 100,
  resolve: (name, options): PostgresService => ({
    kind: "postgres",
    name,
    ...(options.port === undefined ? { innerPort: INNER_PORT } : { port: options.port }),
    database: options.database,
  }),
  scheme: "postgresql",
  packages: () => ({ apt: ["postgresql"], python: ["psycopg[binary]"] }),
  folders: () => ["sql"],
  checks,
});

function checks({ service: { name }, unit, outside, kernel, told }: ServiceContext<PostgresService>): KindChecks {
  const needs = [...outside.needs, ...(kernel?.needs ?? [])];
  const facts = databaseFacts(kernel, databaseQuestion(PYTHON));
  const none = notApplicable("the workbench has no Jupyter, in whose kernels this is asked");
  return {
    checks: [dataIsLoaded({ name, unit, folder: "sql", suspects: outside.suspects, told })],
    after: [
      {
        id: `query.${name}`,
        title: `A notebook asks ${name} and inserts a row`,
        needs,
        suspects: outside.suspects,
        costly: true,
        ask: async () => judgeQuery(await facts(), { name, none }),
      },
      {
        id: `login.${name}`,
        title: `${name} refuses whoever has no password`,
        needs,
        suspects: outside.suspects,
        costly: true,
        ask: async () => judgeLogin(await facts(), { name, none }),
      },
    ],
  };
}

function databaseComplaint(value: string): Complaint | undefined {
  if (!/^[a-z][a-z0-9_]{0,39}$/.test(value))
    return {
      message: "is not the name of a database",
      hint: "Use a-z, 0-9 and _, beginning with a letter; at most 40 of them.",
    };
  if (/^pg_|^(postgres|template[01]|public|none|notebox)$/.test(value))
    return { message: "is a name that PostgreSQL or notebox uses itself", hint: "Choose another." };
  return undefined;
}

/** What a notebook does: it connects by its environment alone. Leaves nothing behind. */
const PYTHON = `
import psycopg
with psycopg.connect(connect_timeout=10) as connection:
    facts["version"] = "PostgreSQL " + connection.execute("SHOW server_version").fetchone()[0].split()[0]
    facts["query"] = connection.execute("SELECT 1").fetchone()[0] == 1
    table = "notebox_verify_" + mark
    connection.execute("CREATE TABLE " + table + " (n integer)")
    connection.execute("INSERT INTO " + table + " VALUES (42)")
    connection.commit()
    try:
        with psycopg.connect(connect_timeout=10) as other:
            facts["insert"] = other.execute("SELECT n FROM " + table).fetchone()[0] == 42
    finally:
        connection.execute("DROP TABLE " + table)
password = os.environ.pop("PGPASSWORD", "")
try:
    for wrong in ("", "x" + password):
        try:
            psycopg.connect(password=wrong, connect_timeout=10).close()
            facts["open"] = "with a wrong password" if wrong else "without a password"
        except psycopg.OperationalError as error:
            facts["refused"] = str(error).splitlines()[0]
finally:
    os.environ["PGPASSWORD"] = password
`;
