import { defineConfig } from 'vitest/config';

const conditions = ['balancer-source', 'node', 'module', 'import', 'default'];

// These also reach Node's own loader: with "import" among them, require() would get ES modules.
const ssrConditions = ['balancer-source', 'node'];

// Only what hangs runs into these: a slow machine must not fail a test.
const patience = {
  testTimeout: process.env['BALANCER_TEST_LONG'] === '1' ? 1_800_000 : 120_000,
  hookTimeout: 120_000,
};

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions: ssrConditions, externalConditions: ssrConditions } },
  test: {
    // Many system tests wait for daemons most of the time: one worker per core, not one less.
    maxWorkers: '100%',
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['packages/*/test/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: ['**/*.{alloc,system}.test.ts', '**/node_modules/**', '**/dist/**'],
          // No threads: what one of them has closed stays open while another one starts a process.
          pool: 'forks',
          isolate: false,
          setupFiles: ['scripts/repeatable-properties.ts'],
          ...patience,
        },
      },
      {
        extends: true,
        test: {
          name: 'alloc',
          include: ['packages/*/test/**/*.alloc.test.ts'],
          pool: 'forks',
          execArgv: ['--expose-gc', '--max-semi-space-size=1'],
          ...patience,
        },
      },
      {
        extends: true,
        test: {
          name: 'system',
          include: ['packages/*/test/**/*.system.test.ts', 'test/**/*.system.test.ts'],
          pool: 'forks',
          globalSetup: ['scripts/system-setup.ts'],
          setupFiles: ['scripts/repeatable-properties.ts'],
          ...patience,
        },
      },
    ],
  },
});
