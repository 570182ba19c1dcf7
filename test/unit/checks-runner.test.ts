/** The runner: what is asked when, what counts as a cause and what as a consequence, and how long it waits. */
import { describe, expect, test } from "vitest";
import { type Answer, type Check, failed, notApplicable, passed } from "../../src/checks/check.ts";
import { choose, runChecks } from "../../src/checks/runner.ts";
import { UserError } from "../../src/errors.ts";

const no = (more: object = {}): Answer => failed("bad", "good", "mend it", more);

function check(id: string, ask: () => Answer | Promise<Answer>, more: Partial<Check> = {}): Check {
  return { id, title: id, needs: [], suspects: [], ...more, ask: async () => await ask() };
}

/** A clock whose sleeps pass at once, and that remembers them. */
function fastClock() {
  let now = 0;
  const slept: number[] = [];
  return {
    slept,
    now: () => now,
    sleep: async (ms: number) => {
      slept.push(ms);
      now += ms;
    },
  };
}

const run = async (checks: readonly Check[], more: object = {}) =>
  await runChecks(() => checks, { subject: "verify", name: "x", clock: fastClock(), ...more });

describe("causes and consequences", () => {
  test("what needs a failed check is not asked and follows from it", async () => {
    let asked = false;
    const ask = () => {
      asked = true;
      return passed("fine");
    };
    const report = await run([
      check("a", () => no()),
      check("b", ask, { needs: ["a"] }),
      check("c", ask, { needs: ["b"] }),
    ]);
    expect(asked).toBe(false);
    expect(report.causes).toEqual([{ id: "a", consequences: ["b", "c"] }]);
    expect(report.checks.map(({ status }) => status)).toEqual(["failed", "blocked", "blocked"]);
    expect(report.counts).toEqual({ passed: 0, failed: 1, blocked: 2, "not-applicable": 0 });
  });

  test("what suspects a failed check is asked; it follows from it only when it fails", async () => {
    const report = await run([
      check("disk", () => no()),
      check("fine", () => passed("fine"), { suspects: ["disk"] }),
      check("broken", () => no(), { suspects: ["disk"] }),
    ]);
    expect(report.checks.map(({ status }) => status)).toEqual(["failed", "passed", "blocked"]);
    expect(report.checks[2]).toMatchObject({ because: "disk", seen: "bad", expected: "good" });
  });

  test("a failure that its evidence clears of a suspect is a cause of its own", async () => {
    const report = await run([
      check("disk", () => no()),
      check("stopped", () => no({ suspects: [] }), { suspects: ["disk"] }),
    ]);
    expect(report.causes.map(({ id }) => id)).toEqual(["disk", "stopped"]);
  });

  test("a failure that explains nothing has no consequences", async () => {
    const report = await run([
      check("stale", () => no({ explains: false })),
      check("b", () => no(), { suspects: ["stale"] }),
    ]);
    expect(report.causes).toEqual([
      { id: "stale", consequences: [] },
      { id: "b", consequences: [] },
    ]);
  });

  test("the first suspect in its list that failed is the cause, and causes are followed to their beginning", async () => {
    const report = await run([
      check("a", () => no()),
      check("b", () => no()),
      check("c", () => no(), { suspects: ["b"] }),
      check("d", () => no(), { suspects: ["c", "a"] }),
    ]);
    expect(report.checks[3]?.because).toBe("b");
  });

  test("what does not apply holds nothing up", async () => {
    const report = await run([
      check("a", () => notApplicable("no such thing")),
      check("b", () => passed(""), { needs: ["a"] }),
    ]);
    expect(report.passed).toBe(true);
    expect(report.checks[0]).toMatchObject({ status: "not-applicable", reason: "no such thing" });
  });

  test("an answer that never came is a failure with its words; a fault of notebox's own is not hidden", async () => {
    const gone = new UserError({ code: "unreachable", message: "Gone.", hint: "Bring it back." });
    const report = await run([check("a", () => Promise.reject(gone))]);
    expect(report.checks[0]).toMatchObject({ status: "failed", seen: "Gone.", hint: "Bring it back." });
    await expect(run([check("a", () => Promise.reject(new TypeError("oops")))])).rejects.toThrow(TypeError);
  });
});

describe("order", () => {
  test("checks run side by side; only needs wait", async () => {
    const order: string[] = [];
    let open: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    await run([
      check("slow", async () => {
        await gate;
        order.push("slow");
        return passed("");
      }),
      check("quick", () => {
        order.push("quick");
        open();
        return passed("");
      }),
      check(
        "after",
        () => {
          order.push("after");
          return passed("");
        },
        { needs: ["slow"] },
      ),
    ]);
    expect(order).toEqual(["quick", "slow", "after"]);
  });

  test("a check that names a later one, or an id twice, is a fault of the list", async () => {
    await expect(run([check("a", () => no(), { needs: ["b"] }), check("b", () => no())])).rejects.toThrow(
      "does not come before",
    );
    await expect(run([check("a", () => no()), check("a", () => no())])).rejects.toThrow("two checks");
  });

  test("--only takes a whole family and what it needs", () => {
    const list = [
      check("ssh", () => no()),
      check("disk", () => no()),
      check("kernels.a", () => no(), { needs: ["ssh"] }),
    ];
    expect(choose(list, ["kernels"]).map(({ id }) => id)).toEqual(["ssh", "kernels.a"]);
    expect(() => choose(list, ["kernel"])).toThrow(UserError);
  });
});

describe("waiting", () => {
  test("asks again until it passes, and rests for as long as asking took", async () => {
    const clock = fastClock();
    const took = [10, 10, 4000, 90_000, 10];
    const ask = async () => {
      await clock.sleep(took.shift() ?? 0);
      return took.length > 0 ? no() : passed("");
    };
    const report = await run([check("a", ask)], { clock, wait: 300_000 });
    expect(report).toMatchObject({ passed: true, rounds: 5 });
    expect(clock.slept).toEqual([10, 1000, 10, 1000, 4000, 4000, 90_000, 15_000, 10]);
  });

  test("asks again what is costly only until it has passed once, and only while its needs pass", async () => {
    const asked = { cheap: 0, costly: 0, unlucky: 0 };
    const report = await run(
      [
        check("cheap", () => (++asked.cheap > 3 ? passed("") : no())),
        check("costly", () => (++asked.costly > 1 ? passed("at last") : no()), { costly: true }),
        check("unlucky", () => (++asked.unlucky > 0 ? passed("") : no()), { costly: true, needs: ["cheap"] }),
      ],
      { wait: 60_000 },
    );
    expect(report).toMatchObject({ passed: true, rounds: 4 });
    expect(asked).toEqual({ cheap: 4, costly: 2, unlucky: 1 });
    expect(report.checks[1]?.seen).toBe("at last");
  });

  test("gives up when the time is up", async () => {
    const report = await run([check("a", () => no())], { wait: 10_000 });
    expect(report.passed).toBe(false);
    expect(report.milliseconds).toBeLessThanOrEqual(10_000);
    expect(report.rounds).toBeGreaterThan(2);
  });

  test("does not wait for what cannot pass by itself, nor without --wait", async () => {
    expect(
      (await run([check("a", () => no({ passing: false })), check("b", () => no())], { wait: 60_000 })).rounds,
    ).toBe(1);
    expect((await run([check("a", () => no())])).rounds).toBe(1);
  });
});
