import { defineConfig } from "vitest/config";

const patience = { testTimeout: 30_000, hookTimeout: 30_000 };

/** What a caller sees, whatever the service stands on. */
const contract = ["tests/functions/*.test.ts", "tests/http/*.test.ts", "tests/service/{lifecycle,races,canary}.test.ts"];

export default defineConfig({
  test: {
    passWithNoTests: false,
    projects: [
      { test: { ...patience, name: "local", include: ["tests/**/*.test.ts"] } },
      {
        test: {
          ...patience,
          name: "gcp",
          include: contract,
          exclude: ["tests/functions/{start,environment}.test.ts"],
          env: { TEST_BACKEND: "gcp" },
        },
      },
    ],
  },
});
