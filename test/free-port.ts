/** Ports of loopback that nothing has, for programs that are to be started at them. */
import net from "node:net";

// Below those that the system gives to whoever asks for any, of which many tests at once do.
const FIRST = 21_000;
const LAST = 32_000;

/** Another one each time, and hardly ever the same in two test files that run side by side. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    const server = net.createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false)).listen(port, "127.0.0.1", () => resolve(true));
    });
    if (!free) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}
