/**
   * Annotates the links of a course page with the numbers that the API returns: how often each was clicked, or by how
   * many students. The request and the reply are those of the Moodle Activity Viewer, so that APIs made for it fit.
   */
  async function main() {
    const found = activityLinks();
    if (found.size === 0) return;
    /** @type {{ data: Record<string, number>, settings?: { activityType?: string }, studentCount?: number }} */
    const reply = await /*@@ACTIVITY@@*/({ form: { json: JSON.stringify(requestFor([...found.keys()])) } });
    if (typeof reply?.data !== "object" || reply.data === null) throw new WorkbenchError("The answer has no “data”.");
    const word = (reply.settings?.activityType ?? SETTINGS.activityType) === "S" ? "student" : "click";
    for (const [link, anchors] of found) {
      const number = Object.hasOwn(reply.data, link) ? Number(reply.data[link]) : 0;
      for (const anchor of anchors) annotate(anchor, number, `${number} ${word}${number === 1 ? "" : "s"}`);
    }
  }

  /** C: clicks, S: students. displayMode T: text behind the link, C: colour of the link as well. */
  const SETTINGS = { activityType: "C", displayMode: "T", groups: [0], student: null };

  /** Links to activities of this site, by their path and query. */
  function activityLinks() {
    /** @type {Map<string, HTMLAnchorElement[]>} */
    const found = new Map();
    for (const anchor of document.querySelectorAll("a[href]")) {
      if (!(anchor instanceof HTMLAnchorElement) || anchor.origin !== location.origin) continue;
      const link = /\/mod\/[^/]+\/view\.php\?(?:.*&)?id=\d+/.exec(anchor.pathname + anchor.search)?.[0];
      if (link !== undefined) found.set(link, [...(found.get(link) ?? []), anchor]);
    }
    return found;
  }

  /** @param {readonly string[]} links */
  function requestFor(links) {
    const address = new URL(location.href);
    const home = address.href.replace(/\/(?:course|mod)\/.*$/, "");
    const courseLink = document.querySelector('a[href*="/course/view.php?id="]');
    const courselink = courseLink instanceof HTMLAnchorElement ? courseLink.href : address.href;
    const courseid = new URL(courselink).searchParams.get("id") ?? "";
    return { moodlehomeurl: home, courseid, courselink, pagelink: address.pathname + address.search, links, settings: SETTINGS };
  }

  /**
   * @param {HTMLAnchorElement} anchor
   * @param {number} number
   * @param {string} words
   */
  function annotate(anchor, number, words) {
    const there = anchor.nextElementSibling;
    const note = there instanceof HTMLElement && there.dataset["noteboxCount"] !== undefined ? there : document.createElement("span");
    note.dataset["noteboxCount"] = String(number);
    note.textContent = ` (${words})`;
    Object.assign(note.style, { fontSize: "0.85em", opacity: "0.8" });
    if (note !== there) anchor.after(note);
    if (SETTINGS.displayMode === "C") anchor.style.opacity = String(0.5 + Math.min(number, 100) / 200);
  }
