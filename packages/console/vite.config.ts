/**
 * Builds the pages' script and style sheet into `dist/app`, with a manifest that names them.
 * @module
 */
import { defineConfig } from 'vite';

export default defineConfig({
  base: '/console/',
  publicDir: false,
  build: {
    outDir: 'dist/app',
    target: 'es2022',
    manifest: 'manifest.json',
    modulePreload: false,
    rolldownOptions: {
      input: ['app/main.tsx', 'app/gateway/main.tsx', 'app/simulations/main.tsx'],
    },
  },
});
