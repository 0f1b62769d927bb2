/**
 * Modules of this package as worker threads.
 *
 * @module
 */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

/** What a `WorkerPool` needs to start a module. */
export interface ThreadModule {
  readonly file: URL;
  readonly execArgv: string[];
}

/**
 * Built, a module is loaded as it is; a source is loaded through tsx, which threads of Node 20 do not
 * take over from the thread that starts them.
 *
 * @param name - Path below this folder, without ending: `experiment/worker`.
 */
export function threadModule(name: string): ThreadModule {
  if (!import.meta.url.endsWith('.ts'))
    return { file: new URL(`./${name}.js`, import.meta.url), execArgv: [] };
  const { href } = new URL(`./${name}.ts`, import.meta.url);
  // What require finds is the CommonJS twin of the module that an import would get.
  const found = createRequire(import.meta.url)
    .resolve('tsx/esm/api')
    .replace(/\.cjs$/, '.mjs');
  const tsx = pathToFileURL(found).href;
  const script = `import { register } from ${JSON.stringify(tsx)}; register(); await import(${JSON.stringify(href)});`;
  return {
    file: new URL(`data:text/javascript,${encodeURIComponent(script)}`),
    execArgv: ['--conditions=balancer-source'],
  };
}
