/** Tests that need the real kernel gateway; where there is none, one skipped test stands for all of them. */
import { describe, test } from "vitest";
import { gatewayPython } from "../../scripts/lib/gateway-python.mjs";

export function withGateway(name: string, body: () => void): void {
  if (gatewayPython() === undefined) test.skip(name, () => {});
  else describe(name, body);
}
