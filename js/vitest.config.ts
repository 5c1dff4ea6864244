import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    environment: "jsdom",
    setupFiles: ["shared/tests/setup.ts"],
    testTimeout: 120_000, // how long a test takes says more about the machine than about the code
  },
});
