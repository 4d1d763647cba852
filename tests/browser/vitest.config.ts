import { join } from "node:path";
import { defineConfig } from "vitest/config";

/** What needs a browser; run by name: npm run test:browser. */
export default defineConfig({
  test: {
    root: join(import.meta.dirname, "../.."),
    name: "browser",
    include: ["tests/browser/**/*.browser.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    fileParallelism: false,
    passWithNoTests: false,
  },
});
