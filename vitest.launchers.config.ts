import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/launchers/**/*.test.ts"],
    testTimeout: 240_000,
    hookTimeout: 900_000,
    fileParallelism: false,
  },
});
