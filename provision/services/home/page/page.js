// The home page in the browser: keeps the key out of the address, asks every few seconds how the services are, and shows
// it without moving what a person is about to use. Everything that comes from the VM is put in as text, never as markup.

const KEY = "notebox-key";
const EVERY = 4000; // milliseconds
const MARKS = { well: "✓ Well", starting: "… Starting", trouble: "! Needs attention", stopped: "– Stopped" };
/** What people call a kind, where its own name is not that. */
const KINDS = { "kernel-gateway": "API notebook", postgres: "PostgreSQL", mongodb: "MongoDB" };
const byId = (id) => document.getElementById(id);
const cards = new Map();
const apis = new Map();
let timer;
let turn = 0;

/** Sets text only where it differs, so that a screen reader does not hear it again. */
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
  element.hidden = text === "";
}

/** Takes #token=… out of the address; the tab keeps it until it is closed. */
function takeKey() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token === null) return;
  sessionStorage.setItem(KEY, token);
  history.replaceState(null, "", location.pathname);
}

async function ask(path, body) {
  const headers = { Authorization: `Bearer ${sessionStorage.getItem(KEY)}` };
  const more = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  const response = await fetch(path, { headers, cache: "no-store", ...more });
  const answer = await response.json();
  return { status: response.status, answer };
}

function lock(why) {
  sessionStorage.removeItem(KEY);
  byId("locked").hidden = false;
  byId("open").hidden = true;
  say(byId("wrong"), why);
  say(byId("overall"), "");
  say(byId("machine"), "");
  byId("key").setAttribute("aria-describedby", "wrong");
}

async function renew() {
  clearTimeout(timer);
  const mine = ++turn;
  if (sessionStorage.getItem(KEY) === null) return lock("");
  try {
    const { status, answer } = await ask("api/state");
    if (mine !== turn) return;
    if (status === 401)
      return lock("That key is not this workbench's. A workbench that was deleted and made again has a new one.");
    if (status !== 200) throw new Error(answer.message);
    byId("locked").hidden = true;
    byId("open").hidden = false;
    say(byId("away"), "");
    show(answer);
    timer = setTimeout(renew, document.hidden ? EVERY * 5 : EVERY);
  } catch {
    if (mine !== turn) return;
    byId("open").hidden = false;
    say(
      byId("away"),
      "The workbench does not answer. If it was stopped, double-click Start in its folder; this page goes on by itself.",
    );
    say(byId("overall"), "What is below is how it was when it last answered.");
    timer = setTimeout(renew, EVERY);
  }
}

function show({ title, services, machine }) {
  say(byId("title"), title);
  document.title = title;
  const unwell = services.filter(({ state }) => state === "trouble" || state === "stopped").length;
  const starting = services.filter(({ state }) => state === "starting").length;
  const all = services.length === 1 ? "The service runs." : `All ${services.length} services run.`;
  const words = unwell
    ? `${unwell} of ${services.length} services ${unwell === 1 ? "needs" : "need"} attention.`
    : starting
      ? "Starting …"
      : all;
  say(byId("overall"), words);
  keep(cards, services, byId("services"), "service", showService);
  const talking = services.filter(({ routes, answers }) => routes && answers);
  byId("apis").hidden = talking.length === 0;
  keep(apis, talking, byId("api-list"), "api", showApi);
  const low = machine.diskFree < 1024 ? " That is little: delete what you do not need." : "";
  const tight =
    machine.memoryFree < machine.memory / 20 ? " Its memory is nearly full: close notebooks that you do not use." : "";
  const room = `${gibibytes(machine.memoryFree)} of ${gibibytes(machine.memory)} memory and ${gibibytes(machine.diskFree)} of disk are free in this workbench.`;
  say(byId("machine"), room + low + tight);
}

const gibibytes = (mebibytes) => `${(mebibytes / 1024).toFixed(1)} GiB`;

/** One element for each service, in their order; an element that is there already stays, with what is typed into it. */
function keep(known, services, list, template, fill) {
  for (const [name, element] of known)
    if (!services.some((one) => one.name === name)) {
      element.remove();
      known.delete(name);
    }
  services.forEach((service, index) => {
    const element = known.get(service.name) ?? byId(template).content.firstElementChild.cloneNode(true);
    known.set(service.name, element);
    if (list.children[index] !== element) list.insertBefore(element, list.children[index] ?? null);
    fill(element, service);
  });
}

function showService(card, { name, kind, title, state, answers, words, remedy, memory, page }) {
  card.className = `card ${state in MARKS ? state : "stopped"}`;
  const part = (selector) => card.querySelector(selector);
  say(part("h3"), title);
  say(part(".state"), MARKS[state] ?? MARKS.stopped);
  const own = [title, KINDS[kind] ?? kind].some((one) => one.toLowerCase() === name) ? "" : name;
  const what = (KINDS[kind] ?? kind).toLowerCase() === title.toLowerCase() ? "" : (KINDS[kind] ?? kind);
  const used = memory === null ? "" : `${memory} MiB of memory`;
  say(part(".kind"), [...new Set([what, own === title ? "" : own, used])].filter((one) => one !== "").join(" · "));
  say(part(".words"), words);
  say(part(".remedy"), remedy);
  const link = part("a");
  part(".go").hidden = page === undefined || !answers;
  if (page === undefined) return;
  const { origin, href } = new URL(`http://${location.hostname}:${Number(page.port)}/`);
  const target = new URL(page.address, href);
  // An address of the VM's may name a place on this computer's port for it, and nothing else.
  if (target.origin === origin && link.href !== target.href) link.href = target.href;
  say(link.firstElementChild, `Open ${title}`);
}

function showApi(section, service) {
  say(section.querySelector("h3"), service.title);
  if (section.querySelector(".routes").childElementCount === 0) showRoutes(section, service);
}

async function showRoutes(section, { name }) {
  const { status, answer } = await ask(`api/routes/${name}`).catch(() => ({ status: 0, answer: {} }));
  const words = status === 200 ? answer.title : (answer.message ?? "");
  say(section.querySelector(".words"), words === name ? "" : words);
  const told = JSON.stringify(answer.routes);
  if (status !== 200 || section.dataset.told === told) return;
  section.dataset.told = told;
  const items = answer.routes.map((route) => routeItem(name, route));
  section.querySelector(".routes").replaceChildren(...items);
}

function routeItem(service, route) {
  const item = byId("route").content.firstElementChild.cloneNode(true);
  const part = (selector) => item.querySelector(selector);
  part(".method").textContent = route.method;
  part("code").textContent = route.path;
  part(".about").textContent = route.words;
  part("button").textContent = route.method === "GET" ? "Try it" : "Send it (it may change data)";
  const fields = part(".fields");
  for (const parameter of route.parameters)
    fields.append(field(parameter.name, parameter.name, parameter.required, "input"));
  if (route.body) fields.append(field("", "Body (JSON or text)", false, "textarea"));
  part("form").addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(item, service, route);
  });
  return item;
}

/** The name of the body's field is empty: no parameter has such a name. */
function field(name, words, required, tag) {
  const label = document.createElement("label");
  const input = Object.assign(document.createElement(tag), { name, required, autocomplete: "off", spellcheck: false });
  label.append(words + (required || tag === "textarea" ? "" : " (may stay empty)"), input);
  return label;
}

async function attempt(item, service, { method, path }) {
  const button = item.querySelector("button");
  const given = [...item.querySelectorAll("input, textarea")];
  const parameters = Object.fromEntries(
    given.filter(({ name }) => name !== "").map(({ name, value }) => [name, value]),
  );
  const body = given.find(({ name }) => name === "")?.value;
  const box = item.querySelector(".answer");
  const [line, text] = box.children;
  // A keyboard has to reach it to scroll.
  Object.assign(text, { tabIndex: 0, role: "region", ariaLabel: "Answer" });
  button.disabled = true;
  box.hidden = false;
  say(line, "Asking …");
  say(text, "");
  const { status, answer } = await ask(`api/try/${service}`, { method, path, parameters, body }).catch(() => ({
    status: 0,
    answer: {},
  }));
  button.disabled = false;
  if (status !== 200) return say(line, answer.message ?? "The workbench does not answer.");
  say(
    line,
    `${answer.status} ${answer.status < 400 ? "fine" : "refused"} · ${answer.seconds} s · ${answer.type || "no type"} · ${answer.bytes} bytes${answer.cut ? ", the first part of it" : ""}`,
  );
  say(text, pretty(answer));
}

function pretty({ type, text, cut }) {
  if (cut || !/json/.test(type)) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

byId("unlock").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(KEY, byId("key").value.trim());
  byId("key").value = "";
  renew();
});
addEventListener("hashchange", () => {
  takeKey();
  renew();
});
// Whoever comes back to this page may have changed a notebook meanwhile.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  for (const [name, section] of apis) showRoutes(section, { name });
  renew();
});
takeKey();
renew();
