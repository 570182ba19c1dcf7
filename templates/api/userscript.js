/*@@HEADER@@*/
// Made by notebox from the notebook's routes. The functions below call the workbench on this computer; what the page
// shows is decided at the end, in main().
(() => {
  "use strict";

  const API = /** @type {{ base: string, title: string, service: string, timeoutMs: number, transport: string, notebook: string }} */ (
    /*@@API@@*/ {}
  );

  // Managers put these into the script's scope, not always on its global object. Greasemonkey 4 has GM only, older
  // managers the functions with an underscore only.
  /** @type {any} */
  // @ts-ignore
  const gm = typeof GM === "object" && GM !== null ? GM : {};
  /** @type {any} */
  const old = {
    // @ts-ignore
    xmlHttpRequest: typeof GM_xmlhttpRequest === "function" ? GM_xmlhttpRequest : undefined,
    // @ts-ignore
    getValue: typeof GM_getValue === "function" ? GM_getValue : undefined,
    // @ts-ignore
    setValue: typeof GM_setValue === "function" ? GM_setValue : undefined,
    // @ts-ignore
    deleteValue: typeof GM_deleteValue === "function" ? GM_deleteValue : undefined,
    // @ts-ignore
    registerMenuCommand: typeof GM_registerMenuCommand === "function" ? GM_registerMenuCommand : undefined,
  };
  /**
   * What the script manager offers under this name; undefined without one.
   * @param {string} name
   * @returns {((...given: any[]) => any) | undefined}
   */
  const managers = (name) => gm[name]?.bind(gm) ?? old[name];
  const request = managers("xmlHttpRequest");

  // --- what the person sees ---------------------------------------------------------------------------------------

  /** @type {HTMLElement | undefined} */
  let box;

  /**
   * Shows a sentence, and a value below it, in a corner of the page.
   * @param {string} sentence
   * @param {unknown} [value]
   */
  function say(sentence, value) {
    if (box === undefined) {
      box = document.createElement("div");
      box.setAttribute("role", "status");
      box.setAttribute("data-notebox", API.service);
      Object.assign(box.style, {
        ...{ position: "fixed", right: "1rem", bottom: "1rem", maxWidth: "26rem", maxHeight: "50vh", overflow: "auto" },
        ...{ zIndex: "2147483647", padding: "0.75rem 1rem", borderRadius: "0.4rem", font: "14px/1.4 system-ui, sans-serif" },
        ...{ background: "#fff", color: "#111", border: "1px solid #888", boxShadow: "0 2px 8px #0004" },
      });
      document.body.append(box);
    }
    const text = document.createElement("div");
    text.textContent = `${API.title}: ${sentence}`;
    const close = document.createElement("button");
    close.type = "button";
    close.textContent = "Close";
    close.addEventListener("click", () => {
      box?.remove();
      box = undefined;
    });
    const shown = document.createElement("pre");
    shown.textContent = value === undefined ? "" : JSON.stringify(value, null, 2);
    Object.assign(shown.style, { whiteSpace: "pre-wrap", margin: "0.5rem 0", font: "12px/1.4 monospace" });
    box.replaceChildren(text, shown, close);
  }

  /** A failure whose message is a sentence for the person in front of the page. */
  class WorkbenchError extends Error {}

  const NOT_RUNNING = "The workbench is not running: double-click Start in its folder, and then try again.";

  // --- the token --------------------------------------------------------------------------------------------------

  const TOKEN = `token ${API.base} ${location.origin}`;
  /** @type {string | undefined} Without a script manager it is not stored: the page's own scripts could read it. */
  let inMemory;

  async function storedToken() {
    return inMemory ?? (await managers("getValue")?.(TOKEN));
  }

  /** @param {string} token */
  async function storeToken(token) {
    inMemory = token;
    await managers("setValue")?.(TOKEN, token);
  }

  async function forgetToken() {
    inMemory = undefined;
    await managers("deleteValue")?.(TOKEN);
  }

  /** @type {Promise<string> | undefined} Several calls at once ask once. */
  let asking;

  /** @param {string} why */
  async function askToken(why) {
    asking ??= (async () => {
      const given = prompt(
        `${API.title}${why}\n\nThe token of the service “${API.service}” (from whoever gave you the workbench):`,
      );
      const token = (given ?? "").trim();
      if (token === "") throw new WorkbenchError("Without its token the workbench does not answer. Reload the page to be asked again.");
      await storeToken(token);
      return token;
    })().finally(() => {
      asking = undefined;
    });
    return await asking;
  }

  // --- how a request travels --------------------------------------------------------------------------------------

  /**
   * @typedef {{ method: string, url: string, headers: Record<string, string>, body: string | undefined }} Sent
   * @typedef {{ status: number, type: string, text: string }} Received
   */

  /**
   * By the script manager: the page's security policy and CORS have no say.
   * @param {Sent} sent
   * @returns {Promise<Received>}
   */
  function byManager({ method, url, headers, body }) {
    return new Promise((resolve, reject) => {
      request?.({
        ...{ method, url, headers, data: body, timeout: API.timeoutMs, anonymous: true },
        /** @param {any} answer */
        onload: (answer) => {
          const type = /^content-type:\s*(.*)$/im.exec(answer.responseHeaders ?? "")?.[1]?.trim() ?? "";
          resolve({ status: answer.status, type, text: answer.responseText ?? "" });
        },
        onerror: () => reject(new WorkbenchError(NOT_RUNNING)),
        onabort: () => reject(new WorkbenchError("The request was stopped.")),
        ontimeout: () => reject(late()),
      });
    });
  }

  const late = () => new WorkbenchError(`The workbench gave no answer within ${API.timeoutMs / 1000} seconds.`);

  class Blocked extends Error {}

  /**
   * By the page itself: its security policy must list the address, and the service must list the page's origin.
   * @param {Sent} sent
   * @returns {Promise<Received>}
   */
  async function byPage({ method, url, headers, body }) {
    let blocked = false;
    /** @param {SecurityPolicyViolationEvent} event */
    const watch = (event) => {
      if (event.blockedURI.startsWith(new URL(url).origin)) blocked = true;
    };
    document.addEventListener("securitypolicyviolation", watch);
    try {
      /** @type {any} Chrome asks the person for leave to reach this computer; others ignore the last option. */
      const options = {
        ...{ method, headers, cache: "no-store", credentials: "omit", referrerPolicy: "no-referrer" },
        ...(body === undefined ? {} : { body }),
        ...{ signal: AbortSignal.timeout(API.timeoutMs), targetAddressSpace: "loopback" },
      };
      const answer = await fetch(url, options);
      return { status: answer.status, type: answer.headers.get("content-type") ?? "", text: await answer.text() };
    } catch (error) {
      if (error instanceof Error && error.name === "TimeoutError") throw late();
      // The violation is told in a task of its own.
      await new Promise((resolve) => setTimeout(resolve, 50));
      if (blocked) throw new Blocked("This page's security policy does not let it call the workbench");
      throw new Blocked("The workbench is not running (double-click Start), or does not list this page under origins");
    } finally {
      document.removeEventListener("securitypolicyviolation", watch);
    }
  }

  let managerOnly = API.transport === "gm";

  /**
   * @param {Sent} sent
   * @returns {Promise<Received>}
   */
  async function travel(sent) {
    if (managerOnly && request) return await byManager(sent);
    try {
      return await byPage(sent);
    } catch (error) {
      if (!(error instanceof Blocked)) throw error;
      if (!request || API.transport === "fetch") throw new WorkbenchError(`${error.message}.`);
      const answer = await byManager(sent);
      managerOnly = true;
      if (error.message.startsWith("This page")) say(`${error.message}; the script manager calls it instead.`);
      return answer;
    }
  }

  /**
   * @typedef {string | number | boolean} Value
   * @typedef {{ path?: Record<string, Value>, query?: Record<string, Value | readonly Value[] | undefined>, body?: unknown, form?: Record<string, string> }} Call
   */

  /**
   * Calls a route and gives its answer: a value when it is JSON, else text. Throws WorkbenchError with a sentence.
   * @param {string} method
   * @param {string} template
   * @param {Call} [call]
   * @returns {Promise<any>}
   */
  async function send(method, template, call = {}) {
    const path = template.replace(/\{([^{}]+)\}/g, (_all, name) => encodeURIComponent(String(call.path?.[name] ?? "")));
    const url = new URL(API.base + path);
    for (const [name, value] of Object.entries(call.query ?? {})) {
      for (const each of Array.isArray(value) ? value : [value]) if (each !== undefined) url.searchParams.append(name, String(each));
    }
    /** @type {Record<string, string>} */
    const headers = {};
    let body;
    if (call.form !== undefined) {
      headers["Content-Type"] = "application/x-www-form-urlencoded";
      body = new URLSearchParams(call.form).toString();
    } else if (call.body !== undefined) {
      headers["Content-Type"] = "application/json";
      body = JSON.stringify(call.body);
    }
    let token = (await storedToken()) ?? (await askToken(""));
    for (let again = false; ; again = true) {
      const answer = await travel({ method, url: url.href, headers: { ...headers, Authorization: `token ${token}` }, body });
      if (answer.status === 401 && !again) {
        await forgetToken();
        token = await askToken(": the token is not, or no longer, the right one.");
        continue;
      }
      return read(answer, `${method} ${path}`);
    }
  }

  /**
   * @param {Received} answer
   * @param {string} what
   */
  function read({ status, type, text }, what) {
    if (status >= 200 && status < 300) {
      try {
        return JSON.parse(text);
      } catch {
        return text;
      }
    }
    if (status === 401) throw new WorkbenchError("The workbench does not accept this token.");
    const happened = { 500: "failed in the workbench", 504: "took the workbench too long" }[status];
    const told = type.includes("html") ? "" : reason(text);
    throw new WorkbenchError(`${what} ${happened ?? `was answered with ${status}`}${told === "" ? "." : `: ${told}`}`);
  }

  /**
   * What the notebook or the service says is wrong, in one line; nothing where only a program could read it.
   * @param {string} text
   * @returns {string}
   */
  function reason(text) {
    let told = text;
    try {
      const value = JSON.parse(text);
      told = [value, value?.message, value?.detail, value?.error].find((each) => typeof each === "string") ?? "";
    } catch {
      // A cell's own error is text.
    }
    const line = told.trim().split("\n")[0] ?? "";
    return line.replace(/^Error (?=\w+:)/, "").trim().slice(0, 300);
  }

  /** Whether something answers at the workbench's address, with whatever status. */
  async function isRunning() {
    try {
      await travel({ method: "GET", url: `${API.base}/_api/spec/swagger.json`, headers: {}, body: undefined });
      return true;
    } catch {
      return false;
    }
  }

  // --- the routes of the notebook ---------------------------------------------------------------------------------

  const api = {
    /*@@ROUTES@@*/
  };

  /**
   * @param {string} title
   * @param {() => unknown} work
   */
  function menu(title, work) {
    managers("registerMenuCommand")?.(`${API.title}: ${title}`, () => void guarded(work));
  }

  /** @param {() => unknown} work */
  async function guarded(work) {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof WorkbenchError)) throw error;
      say(error.message);
    }
  }

  menu("Test the connection", async () => say((await isRunning()) ? "The workbench answers." : NOT_RUNNING));
  menu("Forget the token", async () => {
    await forgetToken();
    say("The token is forgotten.");
  });

  /*@@MAIN@@*/

  void guarded(main);
})();
