/** `notebox api …`: notebooks as APIs. */
import { type Command, Option } from "commander";
import { collect } from "./option-values.ts";
import { addGroup, type On, verb } from "./verb.ts";

export function addApiVerbs(program: Command, on: On): void {
  const api = addGroup(program, "api", "notebooks as APIs");
  on(
    api.command("routes <notebook>").description("the routes that the kernel gateway sees, in its order"),
    "api routes",
    verb(
      async () => (await import("../commands/api-routes.ts")).apiRoutes,
      async () => (await import("./text/api-routes.ts")).text,
    ),
    "notebook",
  );
  on(
    api
      .command("lint <notebooks...>")
      .description("what will not work in a notebook that is to be an API, and what will surprise")
      .option("--fix", "mend what is mechanical, after showing the difference")
      .option("--dry-run", "with --fix: show the difference and write nothing"),
    "api lint",
    verb(
      async () => (await import("../commands/api-lint.ts")).apiLint,
      async () => (await import("./text/api-lint.ts")).text,
    ),
    "notebooks",
  );

  on(
    api
      .command("openapi <notebook>")
      .description("the API as OpenAPI 3.1, or as a page on which each route can be tried")
      .option("--html [file]", "a self-contained page instead")
      .option("--out <file>", "write into this file instead of standard output")
      .option("--no-examples", "leave out saved outputs and examples"),
    "api openapi",
    verb(
      async () => (await import("../commands/api-openapi.ts")).apiOpenapi,
      async () => (await import("./text/api-openapi.ts")).text,
    ),
    "notebook",
  );

  on(
    api
      .command("userscript <notebook>")
      .description("a script for Tampermonkey and its kin that calls the API from pages of the learning platform")
      .option("--origin <url>", "pages on which it runs, such as https://lms.example.edu; repeatable", collect)
      .addOption(new Option("--template <name>", "what it does on the page").choices(["sample", "activity"]))
      .addOption(new Option("--transport <name>", "how it calls").choices(["auto", "gm", "fetch"]).default("auto"))
      .option("--out <file>", "write into this file instead of standard output"),
    "api userscript",
    verb(
      async () => (await import("../commands/api-userscript.ts")).apiUserscript,
      async () => (await import("./text/api-userscript.ts")).text,
    ),
    "notebook",
  );
  on(
    api
      .command("call <notebook> <request>")
      .description("call a route in the running VM: notebox api call api/marks.ipynb 'GET /marks?course=statistics'")
      .option("--body <text>", "what to send; @FILE sends a file")
      .option("--type <type>", "of the body; JSON is recognised"),
    "api call",
    verb(
      async () => (await import("../commands/api-call.ts")).apiCall,
      async () => (await import("./text/api-call.ts")).text,
    ),
    "notebook",
    "request",
  );
}
