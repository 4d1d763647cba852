import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

const patience = { testTimeout: 30_000, hookTimeout: 30_000 };
/** The first test file waits until the artifacts are built. */
const onArtifacts = { testTimeout: 60_000, hookTimeout: 180_000 };

/** Most files wait, for processes of their own and for deadlines: with one worker a machine of two cores stands idle. */
const maxWorkers = Math.max(2, availableParallelism() - 1);

/** What a caller sees, whatever the service stands on. */
const contract = [
  "tests/functions/*.test.ts",
  "tests/http/*.test.ts",
  "tests/service/{lifecycle,races,canary}.test.ts",
];
/** What only Google Cloud can do to it; waits for real deadlines, so it is run by name: npm run test:faults. */
const faults = "tests/service/faults*.test.ts";

export default defineConfig({
  test: {
    passWithNoTests: false,
    globalSetup: ["tests/artifacts/once.ts"],
    projects: [
      {
        test: {
          ...patience,
          name: "local",
          maxWorkers,
          include: ["tests/**/*.test.ts"],
          exclude: [faults],
        },
      },
      {
        test: {
          ...onArtifacts,
          name: "gcp",
          maxWorkers,
          sequence: { groupOrder: 1 },
          include: process.env["TEST_FAULTS"] === "yes" ? [faults] : contract,
          exclude: ["tests/functions/{start,environment}.test.ts"],
          env: { TEST_BACKEND: "gcp" },
        },
      },
    ],
  },
});
