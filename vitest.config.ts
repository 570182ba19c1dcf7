import { defineConfig } from "vitest/config";

const project = (name: string, options: object = {}) => ({
  test: { name, include: [`test/${name}/**/*.test.ts`], testTimeout: 60_000, hookTimeout: 120_000, ...options },
});

export default defineConfig({
  test: {
    projects: [
      project("unit"),
      project("golden"),
      project("wire"),
      project("cli"),
      project("vagrant", { testTimeout: 180_000 }),
    ],
  },
});
