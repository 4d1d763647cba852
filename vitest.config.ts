import { defineConfig } from "vitest/config";

const patience = { testTimeout: 30_000, hookTimeout: 30_000 };

/** What a caller sees, whatever the service stands on. */
const contract = [
  "tests/functions/*.test.ts",
  "tests/http/*.test.ts",
  "tests/service/{lifecycle,races,canary}.test.ts",
];
/** What only Google Cloud can do to it; waits for real deadlines, so it is run by name: npm run test:faults. */
const faults = "tests/service/faults.test.ts";

export default defineConfig({
  test: {
    passWithNoTests: false,
    globalSetup: ["tests/artifacts/once.ts"],
    projects: [
      {
        test: {
          ...patience,
          name: "local",
          include: ["tests/**/*.test.ts"],
          exclude: ["tests/service/faults.test.ts"],
        },
      },
      {
        test: {
          ...patience,
          name: "gcp",
          include: process.env["TEST_FAULTS"] === "yes" ? [faults] : contract,
          exclude: ["tests/functions/{start,environment}.test.ts"],
          env: { TEST_BACKEND: "gcp" },
        },
      },
    ],
  },
});
